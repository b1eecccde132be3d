// The commands that work on the store itself, on the host: they need its files and its master key, and
// no caller.

import { Command } from 'commander'
import type { Wiring } from './operation-command.ts'
import { render } from './render.ts'

type Given = Readonly<Record<string, unknown>>

export function initCommand({ host, output }: Wiring): Command {
  return new Command('init')
    .summary('make the store')
    .description(
      'Makes the store, its keys and the first two agents: admin and local. With --recover: a new credential for the administrator and, where it is needed, a new registration of this server.',
    )
    .option('--org <name>', 'name of the organisation')
    .option('--recover', 'mend access to the store that is there')
    .option('--json', 'print what was made as JSON')
    .action(async ({ org, recover, json }: Given) => {
      const made =
        recover === true
          ? await host.recover()
          : await host.init(typeof org === 'string' ? { orgName: org } : {})
      output.data(json === true ? JSON.stringify(made) : render({ ...made }))
      if (json !== true) output.say('Keep the master key with your backups, apart from the store.')
    })
}

export function migrateCommand({ host, output }: Wiring): Command {
  return new Command('migrate')
    .summary('bring the schema up to date')
    .option('--json', 'print as JSON')
    .action(async ({ json }: Given) => {
      const { from, to } = await host.migrate()
      const said = from === to ? `schema ${to}, nothing to do` : `schema ${from} to ${to}`
      output.data(json === true ? JSON.stringify({ from, to }) : said)
    })
}

export function doctorCommand({ host, output, finish }: Wiring): Command {
  return new Command('doctor')
    .summary('look for what is wrong')
    .description(
      'Checks home, keys, store, registration, environment and clock, and names what is due to be renewed; changes nothing.',
    )
    .option('--json', 'print as JSON')
    .action(async ({ json }: Given) => {
      const findings = await host.diagnose()
      const isWell = findings.every(({ state }) => state !== 'problem')
      if (json === true) output.data(JSON.stringify({ ok: isWell, findings }))
      else for (const { about, state, text } of findings) output.data(`${state}  ${about}: ${text}`)
      finish(isWell ? 0 : 1)
    })
}
