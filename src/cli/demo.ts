// `remit demo`: the main job, done for real as a newcomer watches, in a store of its own that is gone
// afterwards. Every step asserts what it shows.

import { howToTry, makeLocalStore } from './demo/afterwards.ts'
import { createPage } from './demo/page.ts'
import { setStage } from './demo/stage.ts'
import { tellStory } from './demo/story.ts'

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Plays the story; returns 1 where anything was not as promised, having said what. */
export async function runDemo(): Promise<number> {
  const program = process.argv[1] ?? ''
  const page = createPage(process.stdout, process.env)
  const stage = setStage(program)
  const stops = Object.entries(signals).map(([signal, code]) => {
    const stop = () => {
      stage.strikeNow()
      process.exit(code)
    }
    process.once(signal, stop)
    return () => process.off(signal, stop)
  })
  try {
    page.title('Remit: credentials for agents, narrower at every step')
    await tellStory(page, stage)
    await makeLocalStore(page, stage, program)
    howToTry(page, program)
    return 0
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    process.stderr.write(`remit: the demo did not go as promised: ${what}\n`)
    return 1
  } finally {
    await stage.strike()
    for (const off of stops) off()
  }
}
