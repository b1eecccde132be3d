// `remit exec`: a command that gets a token of its own, and never the credential.

import { Command } from 'commander'
import { gather, wholeNumber } from './flags.ts'
import type { Wiring } from './operation-command.ts'

type Given = Readonly<Record<string, unknown>>

export function execCommand({ host, finish }: Wiring): Command {
  return new Command('exec')
    .summary('run a command with a token of its own')
    .description(
      'Runs a command with a token for the scopes named, whose file is in REMIT_TOKEN_FILE; the credential is not in its environment. What the token allows ends with the command. Exits as the command does.',
    )
    .usage('--scopes <scope> [options] -- <command> [arguments]')
    .requiredOption('--scopes <scope>', 'what the command may do (repeat)', gather)
    .option('--ttl-seconds <number>', 'life of the token in seconds; default 300', wholeNumber)
    .argument('<command...>', 'program and arguments')
    .passThroughOptions()
    .action(async (command: [string, ...string[]], { scopes, ttlSeconds }: Given) => {
      const asked = { command, scopes: scopes as readonly string[] }
      const ttl = ttlSeconds as number | undefined
      finish(await host.exec({ ...asked, ...(ttl !== undefined && { ttl }) }))
    })
}
