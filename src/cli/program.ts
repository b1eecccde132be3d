// The command line: commands for the host, and one for each operation. Exit codes: 0 ok · 1 failure ·
// 2 usage · 3 denied · 4 not authenticated · 5 not found · 6 conflict · 7 store unavailable.

import { Command, CommanderError } from 'commander'
import { operations } from '../operations/index.ts'
import { fail } from './failure.ts'
import type { Host } from './host.ts'
import { openCommand } from './open-command.ts'
import { commandNameOf, operationCommand } from './operation-command.ts'
import type { Wiring } from './operation-command.ts'
import type { Output } from './output.ts'
import { auditCommand } from './audit-commands.ts'
import { caCommand } from './ca-commands.ts'
import { execCommand } from './exec-command.ts'
import { keygenCommand } from './key-commands.ts'
import { doctorCommand, initCommand, migrateCommand } from './store-commands.ts'
import {
  backupCommand,
  keysCommand,
  migrateStoreCommand,
  pruneCommand,
  restoreCommand,
} from './upkeep-commands.ts'

/** Runs one command line (without `node` and script); returns the exit code. */
export async function runProgram(
  args: readonly string[],
  host: Host,
  output: Output,
): Promise<number> {
  let exitCode = 0
  const finish = (code: number) => {
    exitCode = code
  }
  try {
    await programFor(args, { host, output, finish }).parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return fail(output, error, args.includes('--json'))
  }
}

function programFor(args: readonly string[], wiring: Wiring): Command {
  const program = new Command('remit')
    .description('The credential authority for AI agents.')
    .version(wiring.host.version)
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for the options)')
  const called = args.find((arg) => !arg.startsWith('-') && arg !== 'help')
  const onHost = [
    initCommand(wiring),
    stdioCommand(wiring),
    serveCommand(wiring),
    bridgeCommand(wiring),
    keygenCommand(wiring),
    caCommand(wiring),
    doctorCommand(wiring),
    execCommand(wiring),
    demoCommand(wiring),
    migrateCommand(wiring),
    backupCommand(wiring),
    restoreCommand(wiring),
    migrateStoreCommand(wiring),
    pruneCommand(wiring),
    keysCommand(wiring),
    auditCommand(wiring),
    openCommand(wiring),
  ]
  program.commandsGroup('On the host:')
  for (const command of onHost) program.addCommand(command)
  program.commandsGroup('Operations:')
  for (const operation of operations) {
    program.addCommand(operationCommand(operation, commandNameOf(operation) === called, wiring))
  }
  return contained(program, wiring.output)
}

const stdioCommand = ({ host, finish }: Wiring): Command =>
  new Command('stdio')
    .summary('serve MCP on stdin and stdout')
    .action(async () => finish(await host.serveStdio()))

const serveCommand = ({ host, finish }: Wiring): Command =>
  new Command('serve')
    .summary('serve MCP, the operations and OAuth over HTTP')
    .action(async () => finish(await host.serveHttp()))

const bridgeCommand = ({ host, finish }: Wiring): Command =>
  new Command('bridge')
    .summary('serve a remote Remit on stdin and stdout')
    .description(
      'Serves MCP on stdin and stdout and forwards it to a remote Remit, with the credential that the environment names as for `remit stdio`. The host needs no token, and no store is needed here.',
    )
    .requiredOption('--url <address>', 'https address of the remote Remit')
    .action(async ({ url }: { readonly url: string }) => finish(await host.bridge(url)))

const demoCommand = ({ finish }: Wiring): Command =>
  new Command('demo').summary('play a short story in a store of its own').action(async () => {
    const { runDemo } = await import('./demo.ts')
    finish(await runDemo())
  })

/** Every command says what it has to say through `output`, and never ends the process itself. */
function contained(command: Command, output: Output): Command {
  command.exitOverride().configureOutput({
    writeOut: (text) => output.data(text.trimEnd()),
    writeErr: (text) => output.say(text.trimEnd()),
  })
  for (const each of command.commands) contained(each, output)
  return command
}
