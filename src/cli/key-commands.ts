// Commands for keys and certificates of agents.

import { Command, Option } from 'commander'
import { Refusal } from '../core/refusal.ts'
import { keyAlgorithms } from './host.ts'
import type { KeyAsked } from './host.ts'
import type { Wiring } from './operation-command.ts'

interface Given extends Omit<KeyAsked, 'file'> {
  readonly out: string
}

export function keygenCommand({ host, output }: Wiring): Command {
  return new Command('keygen')
    .summary('make a key pair for an agent')
    .description(
      'Makes a key pair where the agent is. The private key goes into a file that only you can read, and nowhere else; the public key is printed, to be registered as public_jwk. With --agent or --rotate it is registered at once, and the file becomes a credential file.',
    )
    .requiredOption('--out <file>', 'where the private key goes; it must not exist yet')
    .addOption(
      new Option('--alg <alg>', 'what it signs by').choices(keyAlgorithms).default('EdDSA'),
    )
    .option('--kid <name>', 'name of the key; by default its thumbprint')
    .option('--encryption', 'make a key that secrets and tokens can be sealed to, too')
    .option('--agent <agent>', 'register the public key for this agent (add_credential)')
    .option('--rotate <credential>', 'put it in the place of this one (rotate_credential)')
    .option(
      '--url <address>',
      'register it with the remote Remit there, as the bridge would ask it',
    )
    .option('--json', 'print as JSON')
    .action(async ({ out, json, ...asked }: Given & { readonly json?: boolean }) => {
      if (asked.url !== undefined && asked.agent === undefined && asked.rotate === undefined) {
        throw new Refusal('invalid_request', { message: '--url goes with --agent or --rotate.' })
      }
      const made = await host.makeKey({ ...asked, file: out })
      if (json === true) return output.data(JSON.stringify(made))
      const { file, public_jwk, encryption_jwk, register } = made
      const printed = encryption_jwk === undefined ? public_jwk : { public_jwk, encryption_jwk }
      output.data(JSON.stringify(printed))
      output.say(`What is private is in ${file}.`)
      if (register === undefined) return undefined
      output.say(`Register it where AGENT is known, by ${register.operation} with`)
      output.say(JSON.stringify(register.arguments))
      return output.say(`Then prove yourself by REMIT_AGENT_ID and REMIT_PRIVATE_KEY_FILE=${file}.`)
    })
}
