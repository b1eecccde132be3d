// The program. `remit stdio` starts without the command line's packages, since a host waits for it.

import { createHost } from './app/host.ts'
import { fail } from './cli/failure.ts'
import { createOutput } from './cli/output.ts'
import { ownVersion } from './config.ts'

const args = process.argv.slice(2)
const output = createOutput(process.stdout, process.stderr, process.env)
const host = createHost(process.env, ownVersion(), output)

const done = args.length === 1 && args[0] === 'stdio' ? serveStdio() : runCommand()
void done.then((code) => {
  process.exitCode = code
})

async function serveStdio(): Promise<number> {
  try {
    return await host.serveStdio()
  } catch (error) {
    return fail(output, error)
  }
}

async function runCommand(): Promise<number> {
  const { runProgram } = await import('./cli/program.ts')
  return runProgram(args, host, output)
}
