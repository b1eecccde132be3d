// `remit migrate-store`: the store of a file becomes the store of a PostgreSQL database, with the same
// master key. Both are proven to be the same before anything is kept, and the file stays as it was.

import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { newId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { moveStore as moveTo } from '../store/move.ts'
import type { OpenedStore } from '../store/open.ts'
import { StoreProblem } from '../store/problem.ts'
import { auditHash } from './audit-verification.ts'
import { onHost } from './on-host.ts'
import type { HostOptions } from './on-host.ts'
import { proveAudit } from './prove-audit.ts'
import type { AuditEnds } from './prove-audit.ts'
import { unlockBy } from './unlock.ts'

export interface MoveResult {
  readonly store_id: string
  /** How many rows each table has, on both sides. */
  readonly rows: Readonly<Record<string, number>>
  /** Where each chain that was moved ends, on both sides. */
  readonly audit: AuditEnds
  readonly checkpoints_compared: number
}

/**
 * Refuses a target that is not empty, and a file that is in use, not whole, under another master key, or
 * older than the checkpoints that are kept outside.
 */
export const moveStore = (
  config: Config,
  from: string,
  url: () => string,
  options: HostOptions = {},
): Promise<MoveResult> => {
  const path = resolve(from)
  const proven = async (opened: OpenedStore) => {
    const host = await onHost(opened, options)
    return proveAudit(host, config.checkpoints, path, 'moved')
  }
  const chain = newId('evt').slice('evt_'.length)
  return moveTo({
    path,
    url: url(),
    chain,
    keys: unlockBy(config),
    hashOf: auditHash,
    onDamage: () => undefined,
    event: async (source) => {
      const host = await onHost(source, options)
      return host.event('migrate_store', host.self.storeId, {})
    },
    prove: async ({ source, target, rows }) => {
      const { heads, compared, newer } = await proven(source)
      if (newer !== undefined) throw isOlder(path, newer.seq)
      const there = (await proven(target)).heads.filter((end) => end.chain !== chain)
      if (JSON.stringify(there) !== JSON.stringify(heads)) throw ended()
      const { storeId } = source.facts
      return { store_id: storeId, rows, audit: heads, checkpoints_compared: compared }
    },
  })
}

const isOlder = (path: string, seq: number): Refusal =>
  new Refusal('conflict', {
    message: `${path} is older than the newest checkpoint, of event ${seq}: what was revoked since would be valid again. Nothing was changed.`,
    remedy: {
      text: 'Move the store itself. If this copy is all there is, `remit restore` it first.',
    },
  })

const ended = (): StoreProblem =>
  new StoreProblem('failed', 'The audit ends elsewhere in the target; nothing of it was kept.')
