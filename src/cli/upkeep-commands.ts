// Upkeep of the store, on the host: backups, what is pruned, the master key.

import { Command, InvalidArgumentError } from 'commander'
import type { Wiring } from './operation-command.ts'
import { render } from './render.ts'

type Given = Readonly<Record<string, unknown>>

const shown = (result: object, json: unknown): string =>
  json === true ? JSON.stringify(result) : render({ ...result })

export function backupCommand({ host, output }: Wiring): Command {
  return new Command('backup')
    .summary('copy the store to a file while servers write')
    .description(
      'Writes a whole, verified copy of the store to a file that must not exist yet. Keep it apart from the master key, without which it does not open.',
    )
    .argument('<file>', 'where the backup goes')
    .option('--json', 'print as JSON')
    .action(async (file: string, { json }: Given) => {
      const made = await host.backup(file)
      output.data(shown(made, json))
      output.say(`Not in it, and to be kept apart: ${made.not_included.join(', ')}.`)
    })
}

export function restoreCommand({ host, output }: Wiring): Command {
  return new Command('restore')
    .summary('put a backup where no store is')
    .description(
      'Verifies a backup with the master key and puts it in the place of the store, which must be empty. One that is older than the newest checkpoint is refused: what was revoked since would be valid again.',
    )
    .argument('<file>', 'a file that `remit backup` made')
    .option('--accept-older', 'take one that is older than the newest checkpoint')
    .option('--json', 'print as JSON')
    .action(async (file: string, { acceptOlder, json }: Given) => {
      const restored = await host.restore(file, acceptOlder === true)
      output.data(shown(restored, json))
      if (restored.checkpoints_compared === 0 && restored.set_aside === undefined) {
        output.say(
          'There was no checkpoint outside the database to compare with: nothing shows whether this is the newest backup.',
        )
      }
      if (restored.set_aside !== undefined) {
        output.say(
          `Whatever was revoked after this backup is valid again. The checkpoints of what was lost are in ${restored.set_aside}.`,
        )
      }
    })
}

export function migrateStoreCommand({ host, output }: Wiring): Command {
  return new Command('migrate-store')
    .summary('move the store of a file to PostgreSQL')
    .description(
      'Copies everything into an empty database, proves that both are the same, and leaves the file as it was. Stop every server on it first.',
    )
    .requiredOption('--from <file>', 'the database file, remit.db')
    .option('--to <url>', 'where it goes, as a URL without a password')
    .option('--to-file <file>', 'a file that holds the URL; by default REMIT_DATABASE_URL_FILE')
    .option('--json', 'print as JSON')
    .action(async ({ from, to, toFile, json }: Given) => {
      const moved = await host.moveStore({
        from: String(from),
        ...(typeof to === 'string' && { to }),
        ...(typeof toFile === 'string' && { toFile }),
      })
      output.data(shown(moved, json))
      output.say(
        'Name the database to every server, with the same master key, and put the file away: what is still done there is lost.',
      )
    })
}

export function pruneCommand({ host, output }: Wiring): Command {
  return new Command('prune')
    .summary('remove what ended long ago')
    .description(
      'Removes expired grants with their tokens, handoffs, idempotency records and used proofs, and the audit behind a checkpoint that is kept outside the database. No decision changes by it.',
    )
    .requiredOption('--older-than <duration>', 'such as 36h, 30d or 12w; at least a day', duration)
    .option('--dry-run', 'only count what would go')
    .option('--json', 'print as JSON')
    .action(async ({ olderThan, dryRun, json }: Given) => {
      const asked = { olderThan: Number(olderThan), dryRun: dryRun === true }
      output.data(shown(await host.prune(asked), json))
    })
}

export function keysCommand({ host, output }: Wiring): Command {
  const rotateMaster = new Command('rotate-master')
    .summary('put a new master key in the place of the old one')
    .description(
      'Seals the data key of the store under a new master key; running servers notice nothing. Backups made until then open with the old key only, which is kept beside the new one.',
    )
    .option('--new-key-file <file>', 'a new key of your own, which you then put in place yourself')
    .option('--json', 'print as JSON')
    .action(async ({ newKeyFile, json }: Given) => {
      const named = typeof newKeyFile === 'string' ? newKeyFile : undefined
      output.data(shown(await host.rotateMaster(named), json))
      output.say('Keep the old key apart for as long as backups that were made under it.')
    })
  const jwks = new Command('jwks')
    .summary('print the public keys')
    .description('Prints the key set that verifies what this Remit signs, as remit://jwks has it.')
    .action(async () => output.data(JSON.stringify(await host.publicKeys())))
  return new Command('keys')
    .summary('the keys of the store')
    .addCommand(rotateMaster)
    .addCommand(jwks)
}

const seconds = { h: 3600, d: 86_400, w: 604_800 } as const

function duration(value: string): number {
  const [, count, unit] = /^(\d{1,5})([hdw])$/.exec(value) ?? []
  if (count !== undefined) return Number(count) * seconds[unit as keyof typeof seconds]
  throw new InvalidArgumentError('It must be hours, days or weeks, such as 36h, 30d or 12w.')
}
