// How much memory a server's own objects take, after everything that nobody refers to was collected. The
// server is the built one as it is; what it is started with beside it answers a signal.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { temporaryFolder } from '../../support/temporary.ts'

const answering = (folder: string): string => `
  const { renameSync, writeFileSync } = require('node:fs')
  process.on('SIGUSR2', () => {
    global.gc()
    const file = ${JSON.stringify(folder)} + '/' + process.pid
    writeFileSync(file + '.new', String(process.memoryUsage().heapUsed))
    renameSync(file + '.new', file)
  })`

export interface Heaps {
  /** What a server must be started with. */
  readonly env: Readonly<Record<string, string>>
  bytesOf(pid: number): Promise<number>
}

export function heaps(): Heaps {
  const folder = temporaryFolder()
  const file = join(folder, 'answering.cjs')
  writeFileSync(file, answering(folder))
  return {
    env: { NODE_OPTIONS: `--expose-gc --require ${file}` },
    bytesOf: async (pid) => {
      const answer = join(folder, String(pid))
      process.kill(pid, 'SIGUSR2')
      while (!existsSync(answer)) await wait(10)
      const bytes = Number(readFileSync(answer, 'utf8'))
      rmSync(answer)
      return bytes
    },
  }
}
