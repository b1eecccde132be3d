// Runs command lines in this process, each as a process of its own would: with its own environment.
import { join } from 'node:path'
import { createHost } from '../../src/app/host.ts'
import type { Output } from '../../src/cli/output.ts'
import { runProgram } from '../../src/cli/program.ts'
import { temporaryFolder } from '../support/temporary.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What was printed, where that is JSON. */
  readonly json: Record<string, unknown>
}

export type Run = (line: string, env?: Record<string, string>) => Promise<Ran>

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
