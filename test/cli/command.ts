// Runs command lines in this process, each as a process of its own would: with its own environment.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHost } from '../../src/app/host.ts'
import type { Output } from '../../src/cli/output.ts'
import { runProgram } from '../../src/cli/program.ts'
import { copyFolder, temporaryFolder } from '../support/temporary.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What was printed, where that is JSON. */
  readonly json: Record<string, unknown>
}

export type Run = (line: string, env?: Record<string, string>) => Promise<Ran>

let initial: Promise<string> | undefined

/** A command line for a home with a store, as `init` makes it: made once for each worker, then copied. */
export async function initialised(): Promise<Run & { home: string }> {
  const run = commandLine()
  copyFolder(await (initial ??= makeInitial()), run.home)
  return run
}

async function makeInitial(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'remit-init-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const run = commandLine(join(folder, 'home'))
  const { code, err } = await run('init')
  if (code !== 0) throw new Error(`init failed: ${err}`)
  return run.home
}

/** A command line for a home of its own, where nothing is yet. Arguments are split at spaces. */
export function commandLine(
  home: string = join(temporaryFolder(), 'home'),
): Run & { home: string } {
  const run: Run = async (line, env = {}) => {
    let out = ''
    let err = ''
    const output: Output = {
      data: (text) => void (out += `${text}\n`),
      say: (text) => void (err += `${text}\n`),
      strong: (text) => text,
    }
    const host = createHost({ REMIT_HOME: home, ...env }, '1.2.3', output)
    const code = await runProgram(line.split(' '), host, output)
    return {
      code,
      out,
      err,
      get json() {
        return JSON.parse(out) as Record<string, unknown>
      },
    }
  }
  return Object.assign(run, { home })
}
