// What keeps a store in shape: rows of the audit as they are, a fact replaced, and what is removed because
// its time is long over.

import { describe, expect, test } from 'vitest'
import { putAgent } from '../../../src/store/agents.ts'
import { raiseFloor } from '../../../src/store/audit-floors.ts'
import * as rows from '../../../src/store/audit-rows.ts'
import * as audit from '../../../src/store/audit.ts'
import { putCredential } from '../../../src/store/credentials.ts'
import { facts, insertFact, replaceFact } from '../../../src/store/facts.ts'
import { insertGrant } from '../../../src/store/grants.ts'
import { claimHandoff, insertHandoff } from '../../../src/store/handoffs.ts'
import { recordAnswer, spendProof } from '../../../src/store/idempotency.ts'
import * as prune from '../../../src/store/prune.ts'
import type { Prunable } from '../../../src/store/prune.ts'
import { rememberRequestKey, requestKeyById } from '../../../src/store/request-keys.ts'
import { insertToken } from '../../../src/store/tokens.ts'
import { insertUses } from '../../../src/store/uses.ts'
import { agent, credential, grant } from '../../support/state.ts'
import { bench, event } from './bench.ts'
import type { Bench, NewDatabase } from './bench.ts'

const ended = (id: string, expiresAt: number) =>
  insertGrant({ grant: grant({ id, expiresAt }), guard: [] })

const token = (id: string, grantId: string) =>
  insertToken({
    id,
    orgId: 'org_1',
    grantId,
    credentialId: 'crd_1',
    audience: 'srv_1',
    kind: 'jwt',
    hash: id,
    issuedAt: 1,
    expiresAt: 2,
    createdSeq: 0,
  })

const handoff = (id: string, expiresAt: number, byCodeAlone = false) =>
  insertHandoff({
    id,
    orgId: 'org_1',
    codeHash: id,
    kind: 'secret',
    credentialId: 'crd_1',
    recipientId: 'agt_1',
    byCodeAlone,
    createdAt: 1,
    expiresAt,
  })

/** What is found page by page, and that it is gone once removed. */
async function removed(b: Bench, what: Prunable): Promise<readonly string[]> {
  const found: string[] = []
  for (let last = ''; ; last = found.at(-1) ?? '') {
    const page = await b.read(what.page(last, 2))
    found.push(...page)
    if (page.length < 2) break
  }
  await b.commit(...what.remove(found))
  expect(await b.read(what.page('', 9))).toEqual([])
  return found
}

export function upkeep(database: NewDatabase): void {
  test('a fact is replaced only as it was read', async () => {
    const b = await bench(database)
    await b.commit(insertFact('a', '1'))
    await b.expectStale(replaceFact('a', '2', '3'))
    await b.expectStale(replaceFact('b', '1', '3'))
    await b.commit(replaceFact('a', '1', '3'))
    expect(await b.read(facts)).toEqual([{ name: 'a', value: '3' }])
  })

  test('rows are read as they are', async () => {
    const b = await bench(database)
    await b.unit([], [event(), event()])
    await b.commit(
      audit.insertCheckpoint({ chain: 'x', seq: 1, head: 'h', at: 5, signed: 's' }),
      raiseFloor({ chain: 'x', seq: 5, hash: 'h', at: 1 }),
    )
    const [{ chain } = { chain: '' }] = await b.read(audit.chainHeads)
    const asked = [rows.eventRows(chain, 2, 3, 9), rows.checkpointRows, rows.floorRows]
    for (const [i, table] of ['audit_events', 'audit_checkpoints', 'audit_floors'].entries()) {
      const all = await b.rows(`select * from ${table} order by seq`)
      const found = await b.read(asked[i] ?? rows.headRows)
      expect(found).toEqual(table === 'audit_events' ? all.slice(1, 3) : all)
    }
    expect(await b.read(rows.headRows)).toEqual(await b.rows(`select * from audit_heads`))
  })

  describe('what is long over is found page by page and removed', () => {
    test('grants and their tokens, but standing roots and those to keep', async () => {
      const b = await bench(database)
      const { expiresAt: _, ...standing } = grant({ id: 'grt_s', standing: true })
      await b.commit(
        ...[1, 2, 3, 4, 5].flatMap((n) => [ended(`grt_${n}`, n), token(`tok_${n}`, `grt_${n}`)]),
        insertGrant({ grant: standing, guard: [] }),
        insertUses('grt_1', 3),
        insertUses('grt_5', 3),
      )
      const over = [5, ['grt_2']] as const
      expect(await removed(b, prune.tokensOfEndedGrants(...over))).toEqual([
        'tok_1',
        'tok_3',
        'tok_4',
      ])
      expect(await removed(b, prune.endedGrants(...over))).toEqual(['grt_1', 'grt_3', 'grt_4'])
      const left = (sql: string) => b.rows(sql).then((all) => all.map((row) => row['id']))
      expect(await left(`select id from grants order by id`)).toEqual(['grt_2', 'grt_5', 'grt_s'])
      expect(await left(`select id from tokens order by id`)).toEqual(['tok_2', 'tok_5'])
      expect(await left(`select grant_id as id from grant_uses`)).toEqual(['grt_5'])
    })

    test('handoffs, but of a first secret that was claimed and is still good', async () => {
      const b = await bench(database)
      await b.commit(
        putCredential(credential()),
        handoff('hof_1', 1),
        handoff('hof_2', 1, true),
        handoff('hof_3', 1, true),
        handoff('hof_4', 5),
        claimHandoff('hof_2', 1, undefined),
      )
      expect(await removed(b, prune.endedHandoffs(5))).toEqual(['hof_1', 'hof_3'])
      await b.commit(putCredential(credential({ version: 2, recordedStatus: 'revoked' })))
      expect(await removed(b, prune.endedHandoffs(5))).toEqual(['hof_2'])
    })

    test('answers and proofs', async () => {
      const b = await bench(database)
      for (const n of [1, 2, 3, 4]) {
        const answered = { keyHash: `k${n}`, operation: 'x', argumentsHash: 'a', result: '{}' }
        await b.commit(recordAnswer(answered, n), spendProof(`p${n}`, n))
      }
      expect(await removed(b, prune.oldAnswers(4))).toEqual(['k1', 'k2', 'k3'])
      expect(await removed(b, prune.oldProofs(4))).toEqual(['p1', 'p2', 'p3'])
    })

    test('what secrets signed requests with, once their credentials have ended', async () => {
      const b = await bench(database)
      const credentials = [
        credential({ id: 'crd_1' }),
        credential({ id: 'crd_2', expiresAt: 4 }),
        credential({ id: 'crd_3', expiresAt: 5 }),
        credential({ id: 'crd_4', recordedStatus: 'rotated', retiresAt: 4 }),
        credential({ id: 'crd_5', recordedStatus: 'rotated', retiresAt: 5 }),
        credential({ id: 'crd_6', recordedStatus: 'revoked' }),
      ]
      for (const each of credentials) {
        await b.commit(putCredential(each), rememberRequestKey(each.id, 'sealed'))
      }
      expect(await removed(b, prune.endedRequestKeys(5))).toEqual(['crd_2', 'crd_4', 'crd_6'])
      expect(await b.read(requestKeyById('crd_6'))).toEqual([])
      expect(await b.read(requestKeyById('crd_5'))).toEqual(['sealed'])
    })
  })

  test('what must be kept is found', async () => {
    const b = await bench(database)
    const named = (n: number) => `grt_0000000000000000000000000${n}`
    const under = (n: number) => ({ createdBy: 'agt_0', createdUnder: named(n) })
    await b.commit(putAgent(agent(under(1))), putCredential(credential(under(2))))
    expect((await b.read(prune.grantsWithMakings)).toSorted()).toEqual([named(1), named(2)])
    const [{ chain, seq } = { chain: '', seq: 0 }] = await b.read(audit.chainHeads)
    const found = { detail: '{"finding":"second_claim"}' }
    await b.unit(
      [],
      [
        event({ ...found, grantId: named(3), lineage: [named(4)], target: named(5) }),
        event({ grantId: named(6) }),
        event({ ...found, presented: JSON.stringify({ grant_id: named(7) }) }),
      ],
    )
    expect(await b.read(prune.findingsAfter(chain, seq, 9))).toEqual([
      { seq: seq + 1, grants: [named(4), named(3), named(5)] },
      { seq: seq + 3, grants: [named(7)] },
    ])
    expect(await b.read(prune.findingsAfter(chain, seq + 1, 1))).toMatchObject([{ seq: seq + 3 }])
    const lineage = [named(1), named(2)]
    await b.commit(insertGrant({ grant: grant({ lineage }), guard: [] }))
    expect(await b.read(prune.lineagesOf(['grt_1', 'none']))).toEqual([[...lineage, 'grt_1']])
  })
}
