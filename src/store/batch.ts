// How a batch is committed by an engine that answers at once: one transaction, each unit under its own
// savepoint, its events linked to the chain only when its writes held. Conditions are judged by the
// statements themselves.

import { chainStart, linkText } from '../core/audit-link.ts'
import type { AuditEvent } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import { chainHead, eventsOfChain, eventValues, insertEventSql, putHead } from './audit.ts'
import { newestChange } from './facts.ts'
import type { Read, Seal, Unit, UnitResult, Value, Write } from './store.ts'

export interface Engine {
  readonly run: (sql: string, values: readonly Value[]) => number
  readonly read: <T>(read: Read<T>) => readonly T[]
  readonly seal: Seal
  readonly hash: (text: string) => string
}

/** On SQLite there is one chain. */
export const onlyChain = 'main'

/** Thrown inside a unit whose condition no longer holds. */
class Stale extends Error {}

const farBehind = 60

interface Progress {
  seq: number
  head: { seq: number; hash: string }
}

/** Runs and commits the units; a thrown error means that nothing at all was committed. */
export function runBatch(engine: Engine, units: readonly Unit[], at: number): UnitResult[] {
  const { run, read } = engine
  run('begin immediate', [])
  const [stored] = read(chainHead(onlyChain))
  if (stored !== undefined && !stored.sound) {
    throw new Refusal('unavailable', { message: 'The end of the audit chain was tampered with.' })
  }
  if (stored !== undefined && stored.at > at + farBehind) {
    throw new Refusal('unavailable', { message: 'The clock is behind what was committed before.' })
  }
  const newest = read(newestChange)[0] ?? 0
  if (stored === undefined && (newest > 0 || read(eventsOfChain(onlyChain, 0, 1)).length > 0)) {
    throw new Refusal('unavailable', { message: 'The end of the audit chain was removed.' })
  }
  const progress: Progress = {
    seq: newest,
    head: { seq: stored?.seq ?? 0, hash: stored?.hash ?? chainStart },
  }
  const results = units.map((unit) => runUnit(engine, unit, progress, at))
  if (progress.head.seq !== (stored?.seq ?? 0)) {
    const head = { chain: onlyChain, ...progress.head, at: Math.max(at, stored?.at ?? 0) }
    write(engine, putHead(head), progress, at)
  }
  run('commit', [])
  return results
}

function runUnit(engine: Engine, unit: Unit, progress: Progress, at: number): UnitResult {
  const attempt: Progress = { seq: progress.seq, head: { ...progress.head } }
  engine.run('savepoint unit', [])
  try {
    for (const each of unit.writes) write(engine, each, attempt, at)
    for (const event of unit.events) {
      const linked = {
        ...event,
        chain: onlyChain,
        seq: attempt.head.seq + 1,
        previous: attempt.head.hash,
      }
      const hash = engine.hash(linkText(linked))
      engine.run(insertEventSql, eventValues({ ...linked, hash } satisfies AuditEvent))
      attempt.head = { seq: linked.seq, hash }
    }
    engine.run('release unit', [])
  } catch (error) {
    if (isFatal(error)) throw error
    engine.run('rollback to unit', [])
    engine.run('release unit', [])
    if (error instanceof Stale || isConstraint(error)) return { ok: false, stale: true }
    return { ok: false, stale: false, error: error as Error }
  }
  progress.seq = attempt.seq
  progress.head = attempt.head
  return { ok: true, seq: progress.seq }
}

function write(
  engine: Engine,
  { sql, values, expects, otherwise, change }: Write,
  to: Progress,
  at: number,
) {
  const seq = change === undefined ? to.seq : to.seq + 1
  const touched = engine.run(sql, values({ seq, at, seal: engine.seal }))
  if (expects !== undefined && touched !== expects) {
    throw otherwise instanceof Refusal ? otherwise : new Stale()
  }
  if (change === undefined) return
  engine.run(insertChangeSql, [seq, change.entity, change.id, at])
  to.seq = seq
}

export const insertChangeSql = `
  insert into changes (seq, entity, entity_id, at) values ($1, $2, $3, $4)`

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '')

/** A name or id that somebody else took meanwhile: decide again and say so properly. */
const isConstraint = (error: unknown): boolean => codeOf(error).startsWith('SQLITE_CONSTRAINT')

/** The engine itself failed: nothing of the batch may be believed. */
const isFatal = (error: unknown): boolean =>
  codeOf(error).startsWith('SQLITE_') && !isConstraint(error)
