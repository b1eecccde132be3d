// The audit from outside: verified and exported on the host, while servers run or none does.

import { Command } from 'commander'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { Refusal } from '../core/refusal.ts'
import type { Wiring } from './operation-command.ts'
import { render } from './render.ts'

type Given = Readonly<Record<string, unknown>>

export const auditCommand = (wiring: Wiring): Command =>
  new Command('audit')
    .summary('the record of every decision')
    .addCommand(verifyCommand(wiring))
    .addCommand(exportCommand(wiring))

function verifyCommand({ host, output, finish }: Wiring): Command {
  return new Command('verify')
    .summary('verify the whole audit')
    .description(
      'Follows every link of the audit, on the store itself or on an export, and compares it with the checkpoints that are kept outside. Names the first event that does not fit and what was done to it; no server has to run.',
    )
    .option('--chain <name>', 'only this chain')
    .option('--export <file>', 'verify what `audit export` wrote; without its store, by signatures')
    .option('--checkpoints <file>', 'where checkpoints are kept, if not in REMIT_CHECKPOINTS')
    .option('--json', 'print as JSON')
    .action(async ({ chain, export: exported, checkpoints, json }: Given) => {
      const verdict = await host.verifyAudit({
        ...named('chain', chain),
        ...named('exported', exported),
        ...named('checkpoints', checkpoints),
      })
      output.data(json === true ? JSON.stringify(verdict) : render({ ...verdict }))
      finish(verdict.ok ? 0 : 1)
    })
}

const named = <K extends string>(name: K, value: unknown): { readonly [P in K]?: string } =>
  (typeof value === 'string' ? { [name]: value } : {}) as { readonly [P in K]?: string }

function exportCommand({ host, output }: Wiring): Command {
  return new Command('export')
    .summary('write the audit as lines of JSON')
    .description(
      'Writes all events with all their fields, heads, checkpoints and the public keys of checkpoints; the last line is signed over the rest.',
    )
    .argument('[file]', 'a file that does not exist yet, or - for stdout', '-')
    .action(async (file: string) => {
      if (file === '-') {
        const events = await host.exportAudit(writeOut)
        output.say(`${events} events`)
        return
      }
      const target = await openNew(file)
      try {
        const events = await host.exportAudit(async (line) => {
          await target.write(`${line}\n`)
        })
        await target.sync()
        output.say(`${events} events in ${file}`)
      } finally {
        await target.close()
      }
    })
}

/** As fast as the reader takes it. */
async function writeOut(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

const openNew = (file: string) =>
  open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    const isThere = error.code === 'EEXIST'
    throw new Refusal(isThere ? 'conflict' : 'not_found', {
      message: isThere
        ? `${file} is there already; nothing was changed.`
        : `${file} cannot be written (${error.code}).`,
    })
  })
