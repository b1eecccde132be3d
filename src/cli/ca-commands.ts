// `remit ca`: the embedded authority, for trying client certificates and for those who have no other.

import { Command, InvalidArgumentError } from 'commander'
import type { CaAsked } from './host.ts'
import type { Wiring } from './operation-command.ts'
import { render } from './render.ts'

type Given = Readonly<Record<string, unknown>>

export function caCommand({ host, output }: Wiring): Command {
  const show = (result: object, { json }: Given) =>
    output.data(json === true ? JSON.stringify(result) : render({ ...result }))
  const days = [
    '--days <days>',
    'how long the list of revoked certificates is good',
    whole,
    7,
  ] as const

  const init = new Command('init')
    .summary('make the authority and register it as a trust anchor')
    .option('--name <name>', 'name of the trust anchor', 'ca')
    .option(...days)
    .option('--json', 'print as JSON')
    .action(async (given: Given) =>
      show(await host.ca.init(String(given['name']), Number(given['days'])), given),
    )
  const issue = issuing(
    new Command('issue').summary('give an agent a credential and a certificate for it'),
  ).action(async (given: CaAsked & Given) => show(await host.ca.issue(given), given))
  const renew = issuing(new Command('renew').summary('issue the next certificate of a credential'))
    .requiredOption('--credential <id>', 'the x509 credential')
    .action(async (given: CaAsked & Given) => show(await host.ca.issue(given), given))
  const revoke = new Command('revoke')
    .summary('revoke certificates and publish the list')
    .option('--serial <serial>', 'the certificate of this serial')
    .option('--credential <id>', 'every certificate of this credential')
    .option(...days)
    .option('--json', 'print as JSON')
    .action(async (given: Given) => show(await host.ca.revoke(given, Number(given['days'])), given))
  const crl = new Command('crl')
    .summary('publish the list of revoked certificates again')
    .option(...days)
    .option('--json', 'print as JSON')
    .action(async (given: Given) => show(await host.ca.publish(Number(given['days'])), given))

  const command = new Command('ca').summary('the embedded authority for client certificates')
  for (const each of [init, issue, renew, revoke, crl]) command.addCommand(each)
  return command
}

const issuing = (command: Command): Command =>
  command
    .requiredOption('--agent <agent>', 'whose certificate it is')
    .option('--hours <hours>', 'how long it is good', whole, 24)
    .option('--public-key <file>', 'PEM of a key made elsewhere; by default one is made here')
    .option('--out <folder>', 'where certificate and key go', '.')
    .option('--json', 'print as JSON')

function whole(value: string): number {
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number.')
}
