// `remit open`: the recipient's side of sealed delivery. Needs no store: the private key is read from a file
// that nobody else can read, and what was sealed goes to such a file, or to stdout where that is asked for.

import { Command } from 'commander'
import { Refusal } from '../core/refusal.ts'
import { contentOf } from './input.ts'
import type { Wiring } from './operation-command.ts'

interface Given {
  readonly key: string
  readonly jwks: string
  readonly issuer: string
  readonly agent: string
  readonly out?: string
  readonly stdout?: true
}

export function openCommand({ host, output }: Wiring): Command {
  return new Command('open')
    .summary('open what was sealed to your key')
    .description(
      'Decrypts a sealed token or secret with your private key, verifies that the issuer sealed it for you and that its time is not over, and writes it to a new file that only you can read.',
    )
    .argument('[file]', 'holds the sealed text; - or nothing for stdin', '-')
    .requiredOption(
      '--key <file>',
      'private JWK of your encryption_jwk, or what keygen --encryption wrote; yours alone',
    )
    .requiredOption('--jwks <file>', 'the issuer’s JWK set, as you got it yourself')
    .requiredOption('--issuer <issuer>', 'who must have signed it')
    .requiredOption('--agent <id>', 'your own agent id')
    .option('--out <file>', 'where the token or credential goes; must not exist yet')
    .option('--stdout', 'write it to stdout instead')
    .action(async (file: string, given: Given) => {
      const { out, stdout } = given
      if ((out === undefined) === (stdout === undefined)) {
        throw new Refusal('invalid_request', { message: 'Give --out FILE or --stdout.' })
      }
      const opened = await host.openSealed({
        jwe: contentOf(file).trim(),
        keyFile: given.key,
        jwks: jsonIn(given.jwks),
        issuer: given.issuer,
        recipient: given.agent,
        ...(out !== undefined && { out }),
      })
      if (stdout === true) output.data(opened.text)
      else output.say(`${opened.about} is in ${out}, good until ${opened.expiresAt}.`)
    })
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(contentOf(path)) as unknown
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('invalid_request', { message: '--jwks must name a file of JSON.' })
  }
}
