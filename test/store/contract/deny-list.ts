// What the deny-list reads: restrictions with their change, types with theirs, and tokens by when and how
// they came to be.

import { expect, test } from 'vitest'
import type { Token } from '../../../src/core/grant.ts'
import { changeOfNumber, typeChangesAfter } from '../../../src/store/facts.ts'
import { putResourceType, sinceThisChange } from '../../../src/store/resource-types.ts'
import { insertRevocation, revocationsAfter } from '../../../src/store/revocations.ts'
import {
  insertToken,
  oldestUnexpired,
  tokensDecidedBefore,
  tokensObtainedBefore,
} from '../../../src/store/tokens.ts'
import { revocation } from '../../support/state.ts'
import { bench } from './bench.ts'
import type { NewDatabase } from './bench.ts'

const type = {
  orgId: 'org_1',
  type: 'demo',
  description: '',
  operations: new Map([['read', sinceThisChange]]),
  ownerId: 'agt_1',
  createdAt: 1,
}

const token = (id: string, traits: Partial<Token>): Token => ({
  id,
  orgId: 'org_1',
  grantId: 'grt_1',
  credentialId: 'crd_1',
  audience: 'srv_1',
  kind: 'jwt',
  hash: id,
  issuedAt: 10,
  expiresAt: 100,
  createdSeq: 0,
  ...traits,
})

export function denyList(database: NewDatabase): void {
  test('restrictions are read with the number and second of their change', async () => {
    const b = await bench(database)
    const { seq: _, ...early } = revocation({ at: 5 })
    await b.commit(insertRevocation(early))
    await b.commit(putResourceType(type))
    await b.commit(insertRevocation({ ...early, target: 'grt_9', at: 7 }))
    const found = await b.read(revocationsAfter(0, 0))
    expect(found.map(({ seq, revocation: { target } }) => [seq, target])).toEqual([
      [1, early.target],
      [3, 'grt_9'],
    ])
    expect(found.every(({ at, revocation: { at: stated } }) => at >= stated)).toBe(true)
    expect((await b.read(revocationsAfter(1, 0))).map(({ seq }) => seq)).toEqual([3])
    expect(await b.read(revocationsAfter(3, 0))).toEqual([])
    expect(await b.read(revocationsAfter(0, Number.MAX_SAFE_INTEGER))).toEqual([])
    const [change] = await b.read(typeChangesAfter(0, 0))
    expect(change).toMatchObject({ seq: 2, entity: 'resource_type', id: 'org_1/demo' })
    expect(await b.read(typeChangesAfter(2, 0))).toEqual([])
    expect(await b.read(changeOfNumber(2))).toEqual([change])
    expect(await b.read(changeOfNumber(4))).toEqual([])
  })

  test('a restriction that was tampered with is read as all that its key can mean', async () => {
    const b = await bench(database)
    const { seq: _, ...one } = revocation({ at: 5, within: ['grt_7'] })
    await b.commit(insertRevocation(one))
    await b.tamper(`update revocations set within = ''`)
    expect(await b.read(revocationsAfter(0, 0))).toMatchObject([
      { seq: 1, revocation: { target: one.target, within: [], damaged: true } },
    ])
    await b.tamper(`delete from revocations`)
    expect(await b.read(revocationsAfter(0, 0))).toMatchObject([
      { seq: 1, revocation: { target: one.target, within: [], damaged: true } },
    ])
  })

  test('tokens are found by what was known when they were issued, and by whom', async () => {
    const b = await bench(database)
    const all = [
      token('tok_1', { issuedAt: 10, createdSeq: 4 }),
      token('tok_2', { issuedAt: 20, createdSeq: 5 }),
      token('tok_3', { issuedAt: 20, createdSeq: 4, kind: 'opaque' }),
      token('tok_4', { issuedAt: 30, createdSeq: 4, credentialId: 'crd_2' }),
      token('tok_5', { issuedAt: 20, createdSeq: 4, expiresAt: 40 }),
    ]
    await b.commit(...all.map(insertToken))
    const decided = async (from: number, to: number, now: number) =>
      (await b.read(tokensDecidedBefore(5, { from, to, now }))).map(({ id }) => id)
    expect(await decided(9, 30, 30)).toEqual(['tok_1', 'tok_4', 'tok_5'])
    expect(await decided(10, 29, 30)).toEqual(['tok_5'])
    expect(await decided(10, 30, 40)).toEqual(['tok_4'])
    const obtained = async (credential: string, from: number, now: number) =>
      (await b.read(tokensObtainedBefore(5, credential, { from, now }))).map(({ id }) => id)
    expect(await obtained('crd_1', 10, 30)).toEqual(['tok_1', 'tok_5'])
    expect(await obtained('crd_1', 11, 40)).toEqual([])
    expect(await obtained('crd_2', 10, 99)).toEqual(['tok_4'])
    expect(await b.read(oldestUnexpired(0, 30, 50))).toEqual([10])
    expect(await b.read(oldestUnexpired(11, 30, 50))).toEqual([20])
    expect(await b.read(oldestUnexpired(0, 9, 50))).toEqual([])
    expect(await b.read(oldestUnexpired(0, 30, 100))).toEqual([])
  })
}
