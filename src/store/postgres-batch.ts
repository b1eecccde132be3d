// How a batch is committed on PostgreSQL: everything is sent at once and only then are the answers read.
// What many units write alike is one statement. A unit whose condition did not hold, or that broke, is taken
// out and the rest is tried again, so that nobody pays a round trip for each statement. Change numbers are taken under one lock that is held until
// the commit, so they become visible in their order and nobody steps over one that commits late.

import pg from 'pg'
import { chainStart, linkText } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import { chainHead, putHead } from './audit.ts'
import { insertChangeSql } from './batch.ts'
import { newestChange } from './facts.ts'
import { changesChannel, ringing } from './postgres-feed.ts'
import { Again, createPipeline } from './postgres-pipeline.ts'
import type { Pipeline } from './postgres-pipeline.ts'
import { asProblem, settingsFor } from './postgres-settings.ts'
import type { StatementNames } from './postgres-settings.ts'
import { isTogether, sendEvents, sendTogether } from './postgres-together.ts'
import type { LinkedEvent } from './postgres-together.ts'
import type { Seal, Unit, UnitResult } from './store.ts'

export interface BatchWriter {
  commit(units: readonly Unit[], at: number): Promise<readonly UnitResult[]>
  close(): Promise<void>
}

export interface BatchOptions {
  readonly url: string
  readonly seal: Seal
  readonly hash: (text: string) => string
  readonly chain: string
}

interface Head {
  readonly seq: number
  readonly hash: string
  readonly at: number
}

interface Progress {
  seq: number
  head: Head
  /** They are written last. */
  readonly events: LinkedEvent[]
}

interface UnitLeft extends Unit {
  readonly index: number
}

/** Something that was written in one go did not hold: once more, each unit by itself. */
class Apart extends Error {}

const retries = 12
const pauseMs = 100

/** Tells `committed` the first and last number of its changes. */
export function createBatchWriter(
  options: BatchOptions,
  names: StatementNames,
  committed: (first: number, last: number) => void,
): BatchWriter {
  const { seal, hash, chain } = options
  let client: pg.Client | undefined
  /** What this process's chain ends with; unknown until read, and again after anything went wrong. */
  let head: Head | undefined
  /** How long the chain was for certain. */
  let written = 0
  /** There is one connection, and so one transaction at a time. */
  let last: Promise<unknown> = Promise.resolve()

  function commit(units: readonly Unit[], at: number): Promise<readonly UnitResult[]> {
    const mine = last.then(() => commitAll(units, at))
    last = mine.catch(() => undefined)
    return mine
  }

  async function commitAll(units: readonly Unit[], at: number): Promise<readonly UnitResult[]> {
    const results = new Map<number, UnitResult>()
    let together = true
    for (let attempt = 0; attempt < retries; attempt++) {
      const left = [...units.keys()].filter((unit) => !results.has(unit))
      try {
        for (const [unit, result] of await tryBatch(units, left, at, together)) {
          results.set(unit, result)
        }
      } catch (error) {
        if (error instanceof Apart) {
          together = false
          continue
        }
        if (!(error instanceof Again)) throw asProblem(error)
        await new Promise((resolve) => void setTimeout(resolve, pauseMs * attempt))
        continue
      }
      if (results.size === units.length) return units.map((_, i) => results.get(i) ?? lost)
      attempt = 0
    }
    throw new Refusal('unavailable', { message: 'The database does not take the change now.' })
  }

  /** Commits all that is left; or commits nothing and says which unit cannot be part of it. */
  async function tryBatch(
    units: readonly Unit[],
    left: readonly number[],
    at: number,
    together: boolean,
  ): Promise<ReadonlyMap<number, UnitResult>> {
    const pipeline = createPipeline(await connected(), names)
    try {
      pipeline.send('begin')
      const from = (head ??= await readHead(pipeline, at))
      const progress: Progress = { seq: 0, head: from, events: [] }
      let newest = 0
      const unitsLeft = left.map((index) => ({ index, ...(units[index] ?? nothing) }))
      const changing = unitsLeft.filter(isChanging)
      const others = unitsLeft.filter((unit) => !isChanging(unit))
      const joined = new Set(together ? others.filter(isTogether) : [])
      sendTogether(pipeline, [...joined], { seq: 0, at, seal })
      for (const unit of others) {
        if (!joined.has(unit)) sendWrites(pipeline, unit, progress, at)
        link(unit, progress, at)
      }
      if (changing.length > 0) {
        pipeline.send(lockChanges)
        try {
          progress.seq = (await pipeline.read(newestChange, seal))[0] ?? 0
        } catch (error) {
          // A unit that broke before it has ended the transaction; that unit alone is to blame.
          const broken = await failure(pipeline)
          if (broken === undefined) throw error
          return broken
        }
        newest = progress.seq
        for (const unit of changing) {
          sendWrites(pipeline, unit, progress, at)
          link(unit, progress, at)
        }
        pipeline.send(ring, [ringing(chain, progress.seq)])
      }
      sendEvents(pipeline, progress.events, together)
      if (progress.head !== from) sendHead(pipeline, progress.head, at)
      const failed = await failure(pipeline)
      if (failed !== undefined) return failed
      await pipeline.commit()
      head = progress.head
      written = head.seq
      if (progress.seq > newest) committed(newest + 1, progress.seq)
      return new Map(left.map((unit) => [unit, { ok: true, seq: progress.seq }]))
    } catch (error) {
      head = undefined
      await pipeline.rollback().catch(disconnect)
      throw error
    }
  }

  /** What undid the transaction: the unit that is to blame, or the need to find it. */
  async function failure(pipeline: Pipeline): Promise<ReadonlyMap<number, UnitResult> | undefined> {
    const failed = await pipeline.failure()
    if (failed === undefined) return undefined
    await pipeline.rollback()
    const [unit, result] = failed
    if (unit === 'several') throw new Apart()
    return new Map([[unit, result]])
  }

  function sendWrites(pipeline: Pipeline, unit: UnitLeft, progress: Progress, at: number): void {
    for (const { sql, values, expects, otherwise, change } of unit.writes) {
      const seq = change === undefined ? progress.seq : progress.seq + 1
      pipeline.send(sql, values({ seq, at, seal }), { unit: unit.index, expects, otherwise })
      if (change === undefined) continue
      pipeline.send(insertChangeSql, [seq, change.entity, change.id, at])
      progress.seq = seq
    }
  }

  /** Puts the unit's events on the chain. */
  function link({ index, events }: UnitLeft, progress: Progress, at: number): void {
    for (const event of events) {
      const { head: end } = progress
      const linked = { ...event, chain, seq: end.seq + 1, previous: end.hash }
      const linkedHash = hash(linkText(linked))
      progress.events.push({ unit: index, event: { ...linked, hash: linkedHash } })
      progress.head = { seq: linked.seq, hash: linkedHash, at: Math.max(at, end.at) }
    }
  }

  function sendHead(pipeline: Pipeline, end: Head, at: number): void {
    const { seq } = end
    const { sql, values } = putHead({ chain, ...end })
    pipeline.send(sql, values({ seq, at, seal }))
  }

  async function readHead(pipeline: Pipeline, at: number): Promise<Head> {
    const [stored] = await pipeline.read(chainHead(chain), seal)
    if (stored === undefined && written > 0) {
      throw new Refusal('unavailable', { message: 'The end of the audit chain was removed.' })
    }
    if (stored === undefined) return { seq: 0, hash: chainStart, at: 0 }
    if (!stored.sound) {
      throw new Refusal('unavailable', { message: 'The end of the audit chain was tampered with.' })
    }
    if (stored.at > at + farBehind) {
      throw new Refusal('unavailable', {
        message: 'The clock is behind what was committed before.',
      })
    }
    return { seq: stored.seq, hash: stored.hash, at: stored.at }
  }

  async function connected(): Promise<pg.Client> {
    if (client !== undefined) return client
    const settings = { ...settingsFor(options.url), pipeline: true }
    const fresh = new pg.Client(settings as pg.ClientConfig)
    const broken = () => {
      if (client === fresh) disconnect()
    }
    fresh.on('error', broken).on('end', broken)
    await fresh.connect()
    client = fresh
    return fresh
  }

  function disconnect(): void {
    const gone = client
    client = undefined
    head = undefined
    gone?.end().catch(() => undefined)
  }

  return {
    commit,
    close: async () => {
      await last
      const open = client
      client = undefined
      await open?.end().catch(() => undefined)
    },
  }
}

const farBehind = 60
const lockChanges = `select pg_advisory_xact_lock(4207849484)`
const ring = `select pg_notify('${changesChannel}', $1)`
const nothing: Unit = { writes: [], events: [] }
const isChanging = ({ writes }: Unit) => writes.some(({ change }) => change !== undefined)
const lost: UnitResult = { ok: false, stale: true }
