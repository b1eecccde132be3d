// Allowed checks and reads, chained in batches: equal ones become one event with a count, whose id is
// the decision that each caller is told. Calls of strangers are counted per source and minute. While
// the last batch could not be written, nothing more is decided.

import type { UnlinkedEvent } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import type { Committer } from './committer.ts'

export interface AuditBuffer {
  /** Counts one decision under `key`; returns the id of the event that will stand for it. */
  add(key: string, event: () => UnlinkedEvent): string
  /** The same for the refusals of callers that are not known, written once a minute. */
  addStranger(key: string, event: () => UnlinkedEvent): string
  /** Throws `unavailable` while what was decided before could not be written. */
  assertWritable(): void
  /** Writes what is waiting, strangers included; rejects if it could not be written. */
  flush(): Promise<void>
}

interface Counted {
  readonly event: UnlinkedEvent
  count: number
}

const batchMs = 50
const strangerMs = 60_000
const mostKeys = 10_000

export function createAuditBuffer(committer: Committer): AuditBuffer {
  let waiting = new Map<string, Counted>()
  let strangers = new Map<string, Counted>()
  let timer: NodeJS.Timeout | undefined
  let strangerTimer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined
  let failed = false

  function write(): Promise<void> {
    timer = undefined
    writing = writeOnce(writing).finally(() => {
      writing = undefined
    })
    return writing
  }

  async function writeOnce(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => undefined)
    if (waiting.size === 0) return
    const batch = waiting
    waiting = new Map()
    const events = [...batch.values()].map(({ event, count }) => ({ ...event, count }))
    try {
      await mustCommit(events)
      failed = false
    } catch (error) {
      failed = true
      // Under keys of their own: what was decided since stands for other decisions, with another id.
      const again = [...batch.values()].map((counted) => [counted.event.id, counted] as const)
      waiting = new Map([...again, ...waiting])
      later()
      throw error
    }
  }

  /** Events that another's stand in the place of are not written either. */
  async function mustCommit(events: readonly UnlinkedEvent[]): Promise<void> {
    if ((await committer.submit({ writes: [], events, reserved: 'checks' })) === 'committed') return
    throw new Refusal('unavailable', { message: 'The audit did not take the events.' })
  }

  /** Whoever ends flushes; a store that takes nothing more must not keep a process that is done. */
  function later(): void {
    timer ??= setTimeout(() => {
      write().catch(() => undefined)
    }, batchMs).unref()
  }

  function moveStrangers(): void {
    strangerTimer = undefined
    for (const [key, counted] of strangers) waiting.set(`stranger ${key}`, counted)
    strangers = new Map()
  }

  const count = (into: Map<string, Counted>, key: string, event: () => UnlinkedEvent): string => {
    const known = into.get(key)
    if (known !== undefined) {
      known.count += 1
      return known.event.id
    }
    const counted = { event: event(), count: 1 }
    into.set(key, counted)
    return counted.event.id
  }

  return {
    add(key, event) {
      if (waiting.size >= mostKeys && !waiting.has(key)) {
        throw new Refusal('rate_limited', { message: 'Too many decisions wait for the audit.' })
      }
      const id = count(waiting, key, event)
      later()
      return id
    },
    addStranger(key, event) {
      const id = count(strangers, strangers.size < mostKeys ? key : 'others', event)
      strangerTimer ??= setTimeout(() => {
        moveStrangers()
        later()
      }, strangerMs).unref()
      return id
    },
    assertWritable() {
      if (!failed) return
      throw new Refusal('unavailable', { message: 'The audit cannot be written at present.' })
    },
    async flush() {
      clearTimeout(timer)
      clearTimeout(strangerTimer)
      moveStrangers()
      await write()
    },
  }
}
