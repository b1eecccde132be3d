// Where the chains of the audit begin since older events were pruned, and the removal of those events.

import { isSound, number, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Write } from './store.ts'

/** The last event of a chain that is gone on purpose. */
export interface ChainFloor {
  readonly chain: string
  readonly seq: number
  readonly hash: string
  readonly at: number
}

const table: SealedTable = { name: 'audit_floors', columns: ['chain', 'seq', 'hash', 'at'] }

/** Nothing where its MAC is wrong: then nothing was pruned on purpose. */
export const floorOf = (chain: string): Read<ChainFloor> => ({
  sql: `select * from audit_floors where chain = $1`,
  values: [chain],
  map: (row, seal) =>
    isSound(table, row, seal)
      ? {
          chain: text(row, 'chain'),
          seq: number(row, 'seq'),
          hash: text(row, 'hash'),
          at: number(row, 'at'),
        }
      : undefined,
})

/** A floor only ever rises. */
export const raiseFloor = ({ chain, seq, hash, at }: ChainFloor): Write => ({
  sql: `
    insert into audit_floors (chain, seq, hash, at, mac) values ($1, $2, $3, $4, $5)
    on conflict (chain) do update
    set seq = excluded.seq, hash = excluded.hash, at = excluded.at, mac = excluded.mac
    where audit_floors.seq < excluded.seq`,
  values: (point) => sealed(table, [chain, seq, hash, at], point),
  expects: 1,
  otherwise: 'stale',
})

/** The first events at or below the floor, of which nothing is left to prove. */
export const eventsUnderFloor = (chain: string, limit: number): Read<number> => ({
  sql: `
    select e.seq from audit_events e
    join audit_floors f on f.chain = e.chain and e.seq <= f.seq
    where e.chain = $1
    order by e.seq
    limit $2`,
  values: [chain, limit],
  map: (row) => number(row, 'seq'),
})

/** Removes events up to one that must not be above the floor. */
export const deleteEvents = (chain: string, upTo: number): Write => ({
  sql: `
    delete from audit_events
    where chain = $1 and seq <= $2
      and seq <= (select f.seq from audit_floors f where f.chain = audit_events.chain)`,
  values: () => [chain, upTo],
})

/** Checkpoints below the floor: the one at the floor itself is what the rest hangs from. */
export const deleteCheckpoints = (chain: string): Write => ({
  sql: `
    delete from audit_checkpoints
    where chain = $1
      and seq < (select f.seq from audit_floors f where f.chain = audit_checkpoints.chain)`,
  values: () => [chain],
})

/** The newest event before a time, with everything before it older still; none where there is none. */
export const lastSeqBefore = (chain: string, at: number): Read<number> => ({
  sql: `
    select coalesce(
      (select min(e.seq) - 1 from audit_events e where e.chain = $1 and e.at >= $2),
      (select max(e.seq) from audit_events e where e.chain = $1),
      0
    ) as seq`,
  values: [chain, at],
  map: (row) => number(row, 'seq'),
})
