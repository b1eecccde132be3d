// The audit as it is asked and kept: filters, heads, checkpoints, floors.

import { describe, expect, test } from 'vitest'
import type { UnlinkedEvent } from '../../../src/core/audit-link.ts'
import { auditChains } from '../../../src/store/audit-chains.ts'
import {
  deleteCheckpoints,
  deleteEvents,
  eventsUnderFloor,
  floorOf,
  lastSeqBefore,
  raiseFloor,
} from '../../../src/store/audit-floors.ts'
import * as audit from '../../../src/store/audit.ts'
import type { EventFilter } from '../../../src/store/audit.ts'
import { bench, event } from './bench.ts'
import type { NewDatabase } from './bench.ts'

export function auditTables(database: NewDatabase): void {
  test('events are found by every filter, newest first', async () => {
    const b = await bench(database)
    const events: readonly UnlinkedEvent[] = [
      event({ at: 10, agentId: 'agt_1', grantId: 'grt_1', operation: 'mint_token' }),
      event({ at: 20, agentId: 'agt_2', grantId: 'grt_2', lineage: ['grt_1'] }),
      event({ at: 30, agentId: 'agt_2', outcome: 'refused', code: 'conflict' }),
      event({ at: 40, agentId: 'agt_3', grantId: 'grt_11', lineage: ['grt_10'] }),
      event({ at: 50, agentId: 'agt_1', orgId: 'org_2' }),
    ]
    await b.unit([], [...events])
    const found = async (filter: Partial<EventFilter>) => {
      const rows = await b.read(
        audit.queryEvents({ orgId: 'org_1', limit: 9, since: 10, ...filter }),
      )
      return rows.map(({ id }) => events.findIndex((each) => each.id === id))
    }
    for (const [filter, expected] of [
      [{}, [3, 2, 1, 0]],
      [{ orgId: 'org_2' }, [4]],
      [{ agentId: 'agt_2' }, [2, 1]],
      [{ grantId: 'grt_1' }, [1, 0]],
      [{ grantId: 'grt_10' }, [3]],
      [{ operation: 'mint_token' }, [0]],
      [{ outcome: 'refused' }, [2]],
      [{ code: 'conflict' }, [2]],
      [{ since: 20, until: 30 }, [2, 1]],
      [{ before: events[2]?.id ?? '' }, [1, 0]],
      [{ limit: 2 }, [3, 2]],
      [{ agentId: "agt_1' or 1=1" }, []],
    ] as const) {
      expect({ filter, found: await found(filter) }).toEqual({ filter, found: [...expected] })
    }
  })

  test('a head is replaced, sealed, and told to be unsound rather than left out', async () => {
    const b = await bench(database)
    const head = { chain: 'kept', seq: 1, hash: 'h', at: 5 }
    await b.commit(audit.putHead(head))
    await b.commit(audit.putHead({ ...head, seq: 2, at: 50 }))
    expect(await b.read(audit.chainHead('kept'))).toEqual([
      { ...head, seq: 2, at: 50, sound: true },
    ])
    expect(await b.read(audit.newestHeadTime)).toEqual([50])
    for (const column of ['seq', 'at']) {
      await b.tamper(`update audit_heads set ${column} = ${column} + 1 where chain = 'kept'`)
      expect(await b.read(audit.chainHead('kept'))).toMatchObject([{ sound: false }])
      await b.tamper(`update audit_heads set ${column} = ${column} - 1 where chain = 'kept'`)
    }
    await b.tamper(`update audit_heads set hash = 'x' where chain = 'kept'`)
    const heads = await b.read(audit.chainHeads)
    expect(heads.filter(({ sound }) => !sound).map(({ chain }) => chain)).toEqual(['kept'])
  })

  test('checkpoints are written once for their place', async () => {
    const b = await bench(database)
    const checkpoint = { chain: 'x', seq: 1, head: 'h', at: 5, signed: 's' }
    await b.commit(audit.insertCheckpoint(checkpoint))
    await b.commit(audit.insertCheckpoint({ ...checkpoint, head: 'other' }))
    const second = { ...checkpoint, seq: 2 }
    const third = { ...checkpoint, chain: 'y', seq: 1, at: 9 }
    await b.commit(audit.insertCheckpoint(second), audit.insertCheckpoint(third))
    expect(await b.read(audit.checkpointsOf('x'))).toEqual([checkpoint, second])
    expect(await b.read(audit.newestCheckpointOf('x'))).toEqual([second])
    expect(await b.read(audit.newestCheckpoint)).toEqual([third])
    expect(await b.read(auditChains)).toEqual(expect.arrayContaining(['x', 'y']))
  })

  describe('floors', () => {
    test('only rise, and are believed only while sealed', async () => {
      const b = await bench(database)
      const floor = { chain: 'x', seq: 5, hash: 'h', at: 1 }
      await b.commit(raiseFloor(floor))
      await b.expectStale(raiseFloor(floor))
      await b.expectStale(raiseFloor({ ...floor, seq: 4 }))
      await b.commit(raiseFloor({ ...floor, seq: 6 }))
      expect(await b.read(floorOf('x'))).toEqual([{ ...floor, seq: 6 }])
      await b.tamper(`update audit_floors set seq = 9`)
      expect(await b.read(floorOf('x'))).toEqual([])
    })

    test('bound what is removed', async () => {
      const b = await bench(database)
      const [{ chain, seq } = { chain: '', seq: 0 }] = await b.read(audit.chainHeads)
      expect(seq).toBe(1)
      await b.unit(
        [],
        [10, 20, 30, 40].map((at) => event({ at })),
      )
      expect(await b.read(lastSeqBefore(chain, 30))).toEqual([3])
      expect(await b.read(lastSeqBefore(chain, 99))).toEqual([5])
      expect(await b.read(lastSeqBefore('none', 99))).toEqual([0])
      const seqs = async () =>
        (await b.read(audit.eventsOfChain(chain, 1, 5))).map((each) => each.seq)
      await b.unit([deleteEvents(chain, 5), deleteCheckpoints(chain)], [])
      expect(await seqs()).toEqual([1, 2, 3, 4, 5])
      const places = [2, 3, 4].map((at) =>
        audit.insertCheckpoint({ chain, seq: at, head: 'h', at, signed: 's' }),
      )
      await b.unit([...places, raiseFloor({ chain, seq: 3, hash: 'h', at: 1 })], [])
      expect(await b.read(eventsUnderFloor(chain, 2))).toEqual([1, 2])
      await b.unit([deleteEvents(chain, 2)], [])
      expect(await seqs()).toEqual([3, 4, 5])
      await b.unit([deleteEvents(chain, 5), deleteCheckpoints(chain)], [])
      expect(await seqs()).toEqual([4, 5])
      const kept = await b.read(audit.checkpointsOf(chain))
      expect(kept.map((each) => each.seq)).toEqual([3, 4])
    })
  })
}
