// Facts about the store itself, organisations, and the sequence of changes.

import { StoreProblem } from './problem.ts'
import { number, text } from './row.ts'
import type { Change, Entity, Read, Row, Write } from './store.ts'

export interface Fact {
  readonly name: string
  readonly value: string
}

export const facts: Read<Fact> = {
  sql: `select name, value from store_facts`,
  values: [],
  map: (row) => ({ name: text(row, 'name'), value: text(row, 'value') }),
}

export const insertFact = (name: string, value: string): Write => ({
  sql: `insert into store_facts (name, value) values ($1, $2)`,
  values: () => [name, value],
})

/** Puts a value in the place of exactly the one that was read. */
export const replaceFact = (name: string, present: string, value: string): Write => ({
  sql: `update store_facts set value = $3 where name = $1 and value = $2`,
  values: () => [name, present, value],
  expects: 1,
  otherwise: 'stale',
})

export interface Org {
  readonly id: string
  readonly name: string
}

export const orgs: Read<Org> = {
  sql: `select id, name from orgs order by id`,
  values: [],
  map: (row) => ({ id: text(row, 'id'), name: text(row, 'name') }),
}

export const insertOrg = (org: Org, now: number): Write => ({
  sql: `insert into orgs (id, name, created_at) values ($1, $2, $3)`,
  values: () => [org.id, org.name, now],
})

export const changesAfter = (seq: number): Read<Change> => ({
  sql: `select seq, entity, entity_id from changes where seq > $1 order by seq`,
  values: [seq],
  map: (row) => ({
    seq: number(row, 'seq'),
    entity: text(row, 'entity') as Entity,
    id: text(row, 'entity_id'),
  }),
})

export interface DatedChange extends Change {
  /** Second of the commit. */
  readonly at: number
}

const dated = (row: Row): DatedChange => ({
  seq: number(row, 'seq'),
  entity: text(row, 'entity') as Entity,
  id: text(row, 'entity_id'),
  at: number(row, 'at'),
})

export const changeOfNumber = (seq: number): Read<DatedChange> => ({
  sql: `select seq, entity, entity_id, at from changes where seq = $1`,
  values: [seq],
  map: dated,
})

/** Changes of resource types after one, unless they are of an earlier second. */
export const typeChangesAfter = (seq: number, from: number): Read<DatedChange> => ({
  sql: `
    select seq, entity, entity_id, at from changes
    where seq > $1 and at >= $2 and entity = 'resource_type'
    order by seq`,
  values: [seq, from],
  map: dated,
})

export const newestChange: Read<number> = {
  sql: `select coalesce(max(seq), 0) as seq from changes`,
  values: [],
  map: (row) => number(row, 'seq'),
}

/** The same where a store is opened: a number that is gone took a restriction with it. */
export const newestOfAllChanges: Read<number> = {
  sql: `select coalesce(max(seq), 0) as seq, count(*) as count from changes`,
  values: [],
  map: (row) => {
    if (number(row, 'seq') === number(row, 'count')) return number(row, 'seq')
    throw new StoreProblem(
      'damaged',
      'Changes are missing from the store: revocations may be gone. Restore a backup, and see what the audit says.',
    )
  },
}
