// Grants and what hangs from them: inserted only while nothing restricts their chain, found in their
// trees, counted and spent.

import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/core/refusal.ts'
import type { Grant, Token } from '../../../src/core/grant.ts'
import {
  grantByStandingKey,
  grantsById,
  grantsFromCredentials,
  grantsOfInstance,
  grantsOfOrg,
  insertGrant,
  isBelowCap,
  requireBelowCap,
  standingRoots,
  subtree,
} from '../../../src/store/grants.ts'
import { insertRevocation, unrestrictedSince } from '../../../src/store/revocations.ts'
import type { Read, Write } from '../../../src/store/store.ts'
import {
  insertToken,
  newestTokens,
  opaqueTokenByHash,
  tokenById,
} from '../../../src/store/tokens.ts'
import { debit, insertUses, requireUses, usesLeft } from '../../../src/store/uses.ts'
import { grant, revocation } from '../../support/state.ts'
import { bench, event } from './bench.ts'
import type { Bench, NewDatabase } from './bench.ts'

const put = (traits: Partial<Grant>, guard: readonly string[] = [], standingKey?: string): Write =>
  insertGrant({ grant: grant(traits), guard, ...(standingKey !== undefined && { standingKey }) })

const below = (id: string, ...lineage: string[]): Partial<Grant> => ({
  id,
  lineage,
  depth: lineage.length,
  ...(lineage.length > 0 && { parentId: String(lineage.at(-1)) }),
})

const revoke = (target: string): Write => {
  const { seq: _, ...rest } = revocation({ target })
  return insertRevocation(rest)
}

const ids = async (b: Bench, query: Read<Grant>) => (await b.read(query)).map(({ id }) => id)

export function grants(database: NewDatabase): void {
  describe('nothing is granted under what was restricted since it was decided', () => {
    const guards: readonly [string, (seq: number) => Write][] = [
      ['insertGrant', (createdSeq) => put({ createdSeq }, ['agent:agt_1', 'grant:grt_0'])],
      ['unrestrictedSince', (seq) => unrestrictedSince(['agent:agt_1', 'grant:grt_0'], seq)],
    ]

    test.each(guards)('%s: a newer restriction of a key of the guard', async (_, guarded) => {
      const { commit, expectStale } = await bench(database)
      const seq = await commit(revoke('grt_0'))
      await expectStale(guarded(seq - 1))
      expect(await commit(guarded(seq))).toBeTypeOf('number')
    })

    test.each(guards)('%s: not of another key', async (_, guarded) => {
      const b = await bench(database)
      for (const target of ['grt_', 'grt_00', 'GRT_0', 'grt_0 ', "grt_0'", '%']) {
        await b.commit(revoke(target))
      }
      expect(await b.commit(guarded(0))).toBeTypeOf('number')
    })

    test('a key may hold anything', async () => {
      const { commit, expectStale } = await bench(database)
      const odd = `a'b"c\\d\n%_ä😀`
      const seq = await commit(revoke(odd))
      await expectStale(put({ createdSeq: seq - 1 }, [`grant:${odd}`]))
      await expectStale(unrestrictedSince([`grant:${odd}`], seq - 1))
      await commit(unrestrictedSince([], 0))
    })
  })

  test('one standing root is made under one key, and noted as a change', async () => {
    const b = await bench(database)
    const root = { standing: true, id: 'grt_1' }
    await b.commit(put(root, [], 'key'))
    await b.expectStale(put({ ...root, id: 'grt_2' }, [], 'key'))
    await b.commit(put({ ...root, id: 'grt_3' }, [], 'other'))
    expect(await ids(b, standingRoots)).toEqual(['grt_1', 'grt_3'])
    expect(await ids(b, grantByStandingKey('other'))).toEqual(['grt_3'])
    expect(await ids(b, grantByStandingKey('none'))).toEqual([])
    expect(await b.rows(`select entity, entity_id from changes order by seq`)).toEqual([
      { entity: 'standing_root', entity_id: 'grt_1' },
      { entity: 'standing_root', entity_id: 'grt_3' },
    ])
  })

  describe('trees', () => {
    async function planted() {
      const b = await bench(database)
      await b.commit(
        put({ ...below('grt_a'), credentialId: 'crd_1', instanceId: 'ins_1' }),
        put({ ...below('grt_b', 'grt_a'), credentialId: 'crd_2' }),
        put({ ...below('grt_c', 'grt_a', 'grt_b'), credentialId: 'crd_3' }),
        put({ ...below('grt_d', 'grt_a'), instanceId: 'ins_1' }),
        put({ ...below('grt_aa'), credentialId: 'crd_2' }),
        put({ ...below('grt_e'), orgId: 'org_2', credentialId: 'crd_1' }),
      )
      return b
    }

    test('a subtree is the grant and all below, page by page', async () => {
      const b = await planted()
      expect(await ids(b, subtree('grt_a', 'grt_a', '', 9))).toEqual([
        'grt_a',
        'grt_b',
        'grt_c',
        'grt_d',
      ])
      expect(await ids(b, subtree('grt_a', 'grt_b', '', 9))).toEqual(['grt_b', 'grt_c'])
      expect(await ids(b, subtree('grt_a', 'grt_a', 'grt_a', 2))).toEqual(['grt_b', 'grt_c'])
      expect(await ids(b, subtree('grt_b', 'grt_b', '', 9))).toEqual([])
    })

    test('those of credentials are their roots and all below', async () => {
      const b = await planted()
      expect(await ids(b, grantsFromCredentials(['crd_1'], '', 9))).toEqual([
        'grt_a',
        'grt_b',
        'grt_c',
        'grt_d',
        'grt_e',
      ])
      expect(await ids(b, grantsFromCredentials(['crd_2', 'crd_3'], '', 9))).toEqual(['grt_aa'])
      expect(await ids(b, grantsFromCredentials(['crd_1'], 'grt_b', 1))).toEqual(['grt_c'])
      expect(await ids(b, grantsFromCredentials([], '', 9))).toEqual([])
    })

    test('those of an organisation, of an instance, and by their ids', async () => {
      const b = await planted()
      expect(await ids(b, grantsOfOrg('org_1', '', 2))).toEqual(['grt_a', 'grt_aa'])
      expect(await ids(b, grantsOfOrg('org_1', 'grt_b', 9))).toEqual(['grt_c', 'grt_d'])
      expect(await ids(b, grantsOfOrg('org_2', '', 9))).toEqual(['grt_e'])
      expect((await ids(b, grantsOfInstance('ins_1'))).toSorted()).toEqual(['grt_a', 'grt_d'])
      expect((await ids(b, grantsById(['grt_c', 'x', 'grt_a']))).toSorted()).toEqual([
        'grt_a',
        'grt_c',
      ])
    })
  })

  describe('caps count what is not expired', () => {
    test.each(['parent', 'root'] as const)('of one %s', async (of) => {
      const b = await bench(database)
      await b.commit(
        put({ ...below('grt_b', 'grt_a'), expiresAt: 10 }),
        put({ ...below('grt_c', 'grt_a'), expiresAt: 11 }),
        put({ ...below('grt_d', 'grt_x'), expiresAt: 99 }),
      )
      const full = new Refusal('rate_limited')
      for (const [now, cap, isBelow] of [
        [9, 2, false],
        [9, 3, true],
        [10, 2, true],
        [10, 1, false],
        [11, 1, true],
      ] as const) {
        const asked = { of, id: 'grt_a', now, cap }
        expect(await b.read(isBelowCap(asked))).toEqual(isBelow ? [true] : [])
        const result = await b.unit([requireBelowCap(asked, full)])
        expect(result.ok ? result : { ...result, stale: false }).toMatchObject(
          isBelow ? { ok: true } : { ok: false, error: full },
        )
      }
    })
  })

  describe('uses', () => {
    test('one is taken from every grant of the chain, or from none', async () => {
      const b = await bench(database)
      await b.commit(insertUses('grt_1', 1), insertUses('grt_2', 5))
      const left = async () =>
        Object.fromEntries(
          (await b.read(usesLeft(['grt_1', 'grt_2', 'grt_3']))).map((u) => [u.grantId, u.left]),
        )
      await b.commit(requireUses('grt_2', 5))
      await b.expectStale(requireUses('grt_2', 6))
      await b.commit(debit(['grt_1', 'grt_2']))
      expect(await left()).toEqual({ grt_1: 0, grt_2: 4 })
      for (const chain of [
        ['grt_1', 'grt_2'],
        ['grt_2', 'grt_3'],
      ]) {
        expect(await b.unit([debit(chain)])).toMatchObject({
          ok: false,
          stale: false,
          error: { code: 'uses_exhausted' },
        })
      }
      expect(await left()).toEqual({ grt_1: 0, grt_2: 4 })
      await b.expectStale(insertUses('grt_1', 9))
    })

    test('the last one is taken once, in one batch and in two processes', async () => {
      const b = await bench(database)
      const other = await b.again()
      await b.commit(insertUses('grt_1', 3))
      const unit = () => ({ writes: [debit(['grt_1'])], events: [event()] })
      const results = await Promise.all([
        b.store.commit([unit(), unit()], 1),
        other.commit([unit(), unit()], 1),
      ])
      expect(results.flat().filter((result) => result.ok)).toHaveLength(3)
      expect(await b.read(usesLeft(['grt_1']))).toEqual([{ grantId: 'grt_1', left: 0 }])
    })
  })

  test('tokens are found by id, by hash if opaque, and as the newest of their grants', async () => {
    const b = await bench(database)
    const token = (id: string, traits: Partial<Token> = {}): Token => ({
      id,
      orgId: 'org_1',
      grantId: 'grt_1',
      credentialId: 'crd_1',
      audience: 'srv_1',
      kind: 'jwt',
      hash: id,
      issuedAt: 1,
      expiresAt: 2,
      createdSeq: 0,
      ...traits,
    })
    await b.commit(
      insertToken(token('tok_1')),
      insertToken(token('tok_2', { kind: 'opaque' })),
      insertToken(token('tok_3', { grantId: 'grt_2' })),
    )
    await b.expectStale(insertToken(token('tok_1')))
    const found = async (query: Read<Token>) => (await b.read(query)).map(({ id }) => id)
    expect(await found(tokenById('tok_1'))).toEqual(['tok_1'])
    expect(await found(opaqueTokenByHash('tok_1'))).toEqual([])
    expect(await found(opaqueTokenByHash('tok_2'))).toEqual(['tok_2'])
    expect((await found(newestTokens(['grt_1', 'grt_2', 'grt_3']))).toSorted()).toEqual([
      'tok_2',
      'tok_3',
    ])
  })
}
