// How a batch is committed: each unit whole or not at all, its events with it, its changes in order.

import { describe, expect, test } from 'vitest'
import { chainVerifier } from '../../../src/core/audit-link.ts'
import { auditHash } from '../../../src/authority/audit-verification.ts'
import { Refusal } from '../../../src/core/refusal.ts'
import { putAgent } from '../../../src/store/agents.ts'
import { chainHeads, eventsOfChain } from '../../../src/store/audit.ts'
import {
  changesAfter,
  facts,
  insertFact,
  newestChange,
  newestOfAllChanges,
} from '../../../src/store/facts.ts'
import type { Store, Unit, Write } from '../../../src/store/store.ts'
import { agent } from '../../support/state.ts'
import { bench, event, keys } from './bench.ts'
import type { Bench, NewDatabase } from './bench.ts'

const no: Write = {
  sql: `select 1 as holds where 1 = 2`,
  values: () => [],
  expects: 1,
  otherwise: 'stale',
}
const refusal = new Refusal('uses_exhausted')
const never: Write = { ...no, otherwise: refusal }
const named = (id: string) => putAgent(agent({ id, name: id }))

const unit = (writes: readonly Write[], events = [event()]): Unit => ({ writes, events })

/** The chains as they are, each whole and ending in its head. */
async function chains({ read }: Bench): Promise<readonly string[]> {
  const ids: string[] = []
  for (const head of await read(chainHeads)) {
    const events = await read(eventsOfChain(head.chain, 1, 1000))
    const verifier = chainVerifier(auditHash(keys))
    for (const each of events) verifier.add(each)
    expect(verifier.verdict(head)).toEqual({ ok: true, count: head.seq, head: head.hash })
    expect(events.at(-1)?.hash).toBe(head.hash)
    expect(head.sound).toBe(true)
    ids.push(...events.map(({ id }) => id))
  }
  return ids
}

export function commits(database: NewDatabase): void {
  describe('a unit', () => {
    test('is whole or not at all', async () => {
      const b = await bench(database)
      const results = await b.store.commit(
        [
          unit([insertFact('a', '1')]),
          unit([insertFact('b', '1'), named('agt_b'), no]),
          unit([insertFact('c', '1'), never, insertFact('d', '1')]),
          unit([insertFact('e', '1'), insertFact('a', '2')]),
          unit([insertFact('f', '1')]),
        ],
        1,
      )
      expect(results).toEqual([
        { ok: true, seq: expect.any(Number) },
        { ok: false, stale: true },
        { ok: false, stale: false, error: refusal },
        { ok: false, stale: true },
        { ok: true, seq: expect.any(Number) },
      ])
      expect(await b.read(facts)).toEqual([
        { name: 'a', value: '1' },
        { name: 'f', value: '1' },
      ])
      expect(await b.read(changesAfter(0))).toEqual([])
    })

    test('sees what the units before it in the batch wrote', async () => {
      const b = await bench(database)
      const results = await b.store.commit(
        [unit([named('agt_1')]), unit([named('agt_1')]), unit([named('agt_2')])],
        1,
      )
      expect(results.map((result) => result.ok)).toEqual([true, false, true])
    })

    test('without an expectation may touch nothing', async () => {
      const b = await bench(database)
      const result = await b.unit([{ sql: `delete from orgs where id = $1`, values: () => ['x'] }])
      expect(result.ok).toBe(true)
    })

    test('is durable: another process finds it', async () => {
      const b = await bench(database)
      await b.commit(insertFact('a', '1'))
      expect(await b.read(facts, await b.again())).toEqual([{ name: 'a', value: '1' }])
    })
  })

  test('no units are no commit', async () => {
    const b = await bench(database)
    expect(await b.store.commit([], 1)).toEqual([])
  })

  describe('events', () => {
    test('stand for the units that held, linked without a gap', async () => {
      const b = await bench(database)
      const before = await chains(b)
      const [one, two, three, four] = [event(), event(), event(), event()]
      await b.store.commit(
        [unit([], [one, two]), unit([no], [event()]), unit([never]), unit([], [three])],
        1,
      )
      await b.store.commit([unit([no]), unit([], [])], 1)
      await b.store.commit([unit([insertFact('a', '1')], [four])], 1)
      expect(await chains(b)).toEqual([...before, one.id, two.id, three.id, four.id])
    })

    test('come back as they were', async () => {
      const b = await bench(database)
      const full = event({
        agentId: 'agt_1',
        instanceId: 'ins_1',
        grantId: 'grt_1',
        lineage: ['grt_0', 'grt_00'],
        presented: '{"agent_id":"agt_1"}',
        target: 'grt_2',
        detail: '{"cause":"ä\\n😀 \' \\" %_"}',
        count: 7,
        traceId: 'x',
        outcome: 'refused',
        code: 'conflict',
      })
      await b.unit([], [full])
      const [head] = await b.read(chainHeads)
      const found = await b.read(eventsOfChain(head?.chain ?? '', head?.seq ?? 0, 1))
      expect(found).toMatchObject([full])
      await chains(b)
    })

    test('of a unit that could not write them leave none of it', async () => {
      const b = await bench(database)
      const taken = event()
      await b.unit([], [taken])
      const result = await b.unit([insertFact('a', '1'), named('agt_1')], [event(), taken])
      expect(result).toEqual({ ok: false, stale: true })
      expect(await b.read(facts)).toEqual([])
      expect(await b.read(changesAfter(0))).toEqual([])
      await chains(b)
    })

    test('of two processes that commit at once are linked without a gap', async () => {
      const b = await bench(database)
      const other = await b.again()
      const before = await chains(b)
      const ids: string[] = []
      const run = async (store: Store, name: string) => {
        for (let i = 0; i < 10; i++) {
          const one = event()
          ids.push(one.id)
          await store.commit([unit([named(`agt_${name}${i}`)], [one])], 1)
        }
      }
      await Promise.all([run(b.store, 'a'), run(other, 'b')])
      expect((await chains(b)).toSorted()).toEqual([...before, ...ids].toSorted())
      const changes = await b.read(changesAfter(0))
      expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    })
  })

  describe('changes', () => {
    test('are numbered in order without a gap, whatever failed between', async () => {
      const b = await bench(database)
      const results = await b.store.commit(
        [
          unit([named('agt_1'), insertFact('a', '1'), named('agt_2')]),
          unit([named('agt_3'), no]),
          unit([named('agt_4')]),
        ],
        1,
      )
      expect(results).toEqual([
        { ok: true, seq: expect.any(Number) },
        { ok: false, stale: true },
        { ok: true, seq: 3 },
      ])
      expect(await b.read(changesAfter(0))).toEqual([
        { seq: 1, entity: 'agent', id: 'agt_1' },
        { seq: 2, entity: 'agent', id: 'agt_2' },
        { seq: 3, entity: 'agent', id: 'agt_4' },
      ])
      expect(await b.read(changesAfter(2))).toHaveLength(1)
      expect(await b.read(newestChange)).toEqual([3])
      expect(await b.read(newestOfAllChanges)).toEqual([3])
      await b.tamper(`delete from changes where seq = 2`)
      await expect(b.read(newestOfAllChanges)).rejects.toMatchObject({ kind: 'damaged' })
    })

    test('tell each write its number', async () => {
      const b = await bench(database)
      const seen: number[] = []
      const noting = (id: string): Write => {
        const write = named(id)
        return {
          ...write,
          values: (point) => {
            seen.push(point.seq)
            return write.values(point)
          },
        }
      }
      await b.commit(noting('agt_1'), noting('agt_2'))
      expect(seen).toEqual([1, 2])
    })
  })

  test('whether another process committed is told once, and never of oneself', async () => {
    const b = await bench(database)
    const other = await b.again()
    await b.store.changedElsewhere()
    await b.commit(named('agt_1'))
    expect(await b.store.changedElsewhere()).toBe(false)
    await other.commit([unit([named('agt_2')])], 1)
    await expect.poll(() => b.store.changedElsewhere()).toBe(true)
    expect(await b.store.changedElsewhere()).toBe(false)
  })
}
