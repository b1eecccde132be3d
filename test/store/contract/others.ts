// The remaining queries and writes: remarks about credentials and servers, one-time things, restrictions,
// types, keys, facts.

import { describe, expect, test } from 'vitest'
import {
  agentCredentialUses,
  credentialUse,
  neverUsed,
  putCredential,
  recordCredentialUse,
  unchangedCredential,
} from '../../../src/store/credentials.ts'
import {
  advanceAuthChallenge,
  authChallengeById,
  forgetAuthChallenges,
  insertAuthChallenge,
} from '../../../src/store/auth-challenges.ts'
import { rememberRequestKey, requestKeyById } from '../../../src/store/request-keys.ts'
import { facts, insertFact, insertOrg, orgs } from '../../../src/store/facts.ts'
import { claimHandoff, handoffByCode, insertHandoff } from '../../../src/store/handoffs.ts'
import {
  answeredBefore,
  forgetProofs,
  isProofSpent,
  recordAnswer,
  spendFresh,
  spendProof,
} from '../../../src/store/idempotency.ts'
import {
  allResourceTypes,
  putResourceType,
  sinceThisChange,
} from '../../../src/store/resource-types.ts'
import {
  allRevocations,
  insertRevocation,
  lostRevocations,
  revocationBySeq,
} from '../../../src/store/revocations.ts'
import { schemaNumber } from '../../../src/store/schema-version.ts'
import { recordSighting, sightings } from '../../../src/store/servers.ts'
import { allSigningKeys, putSigningKey } from '../../../src/store/signing-keys.ts'
import { migrations } from '../../../src/store/migrate.ts'
import { credential, revocation, scopes } from '../../support/state.ts'
import { bench } from './bench.ts'
import type { NewDatabase } from './bench.ts'

export function others(database: NewDatabase): void {
  test('facts and organisations are written once', async () => {
    const b = await bench(database)
    await b.commit(insertFact('a', '1'), insertOrg({ id: 'org_1', name: 'one' }, 1))
    await b.expectStale(insertFact('a', '2'))
    await b.expectStale(insertOrg({ id: 'org_1', name: 'two' }, 1))
    expect(await b.read(facts)).toEqual([{ name: 'a', value: '1' }])
    expect(await b.read(orgs)).toEqual([{ id: 'org_1', name: 'one' }])
    expect(await b.read(schemaNumber)).toEqual([migrations().at(-1)?.number])
  })

  describe('uses of credentials', () => {
    test('are noted of the version that was used, with where', async () => {
      const b = await bench(database)
      await b.commit(putCredential(credential()))
      await b.commit(neverUsed('crd_1', 'stale'), unchangedCredential({ id: 'crd_1', version: 1 }))
      await b.commit(recordCredentialUse({ id: 'crd_1', version: 1 }, 10, 'srv/1'))
      await b.commit(recordCredentialUse({ id: 'crd_1', version: 1 }, 20, 'srv/2'))
      await b.commit(recordCredentialUse({ id: 'crd_1', version: 1 }, 30, 'srv/1'))
      const use = {
        credentialId: 'crd_1',
        firstUsedAt: 10,
        lastUsedAt: 30,
        usedBy: ['srv/2', 'srv/1'],
      }
      expect(await b.read(credentialUse('crd_1'))).toEqual([use])
      expect(await b.read(agentCredentialUses('agt_1'))).toEqual([use])
      expect(await b.read(agentCredentialUses('agt_2'))).toEqual([])
      await b.expectStale(recordCredentialUse({ id: 'crd_1', version: 2 }, 40, 'x'))
      await b.expectStale(recordCredentialUse({ id: 'crd_2', version: 1 }, 40, 'x'))
      await b.expectStale(neverUsed('crd_1', 'stale'))
      await b.expectStale(unchangedCredential({ id: 'crd_1', version: 2 }))
    })

    test('do not grow without end', async () => {
      const b = await bench(database)
      await b.commit(putCredential(credential()))
      for (let i = 0; i < 60; i++) {
        await b.commit(recordCredentialUse({ id: 'crd_1', version: 1 }, i, `srv_1/process-${i}`))
      }
      const [use] = await b.read(credentialUse('crd_1'))
      expect(use?.usedBy[0]).toBe('srv_1/process-59')
      expect(use?.usedBy.join(' ').length).toBeLessThan(500)
    })
  })

  test('a handoff is claimed once', async () => {
    const b = await bench(database)
    const handoff = {
      id: 'hof_1',
      orgId: 'org_1',
      codeHash: 'ch',
      kind: 'token',
      recipientId: 'agt_1',
      byCodeAlone: false,
      createdAt: 1,
      expiresAt: 2,
    } as const
    await b.commit(insertHandoff(handoff))
    await b.expectStale(insertHandoff({ ...handoff, id: 'hof_2' }))
    await b.expectStale(claimHandoff('hof_2', 5, undefined))
    await b.commit(claimHandoff('hof_1', 5, 'key'))
    await b.expectStale(claimHandoff('hof_1', 6, 'key'))
    expect(await b.read(handoffByCode('ch'))).toEqual([
      { ...handoff, claimedAt: 5, claimKey: 'key' },
    ])
  })

  test('the first answer to a key is the one that stays', async () => {
    const b = await bench(database)
    const answered = { keyHash: 'k', operation: 'x', argumentsHash: 'a', result: '{}' }
    await b.commit(recordAnswer(answered, 1))
    await b.expectStale(recordAnswer({ ...answered, result: '{"other":1}' }, 2))
    expect(await b.read(answeredBefore('k'))).toEqual([answered])
    expect(await b.read(answeredBefore('other'))).toEqual([])
  })

  test('a proof is spent once', async () => {
    const b = await bench(database)
    await b.commit(spendProof('jti', 5))
    expect(await b.unit([spendProof('jti', 9)])).toMatchObject({
      ok: false,
      stale: false,
      error: { code: 'replay_detected' },
    })
  })

  test('a proof that was found fresh is spent by whoever is first', async () => {
    const b = await bench(database)
    expect(await b.read(isProofSpent('jti'))).toEqual([])
    await b.commit(spendFresh('jti', 5))
    expect(await b.read(isProofSpent('jti'))).toEqual(['jti'])
    await b.expectStale(spendFresh('jti', 9))
  })

  test('a challenge is taken one step on at a time, and forgotten when it is over', async () => {
    const b = await bench(database)
    const challenge = {
      id: 'chl_1',
      orgId: 'org_1',
      initiatorId: 'agt_1',
      responderId: 'agt_2',
      initiatorNonce: 'n',
      channel: 'c',
      status: 'open',
      createdAt: 1,
      expiresAt: 9,
    } as const
    await b.commit(insertAuthChallenge(challenge))
    expect(await b.read(authChallengeById('chl_1'))).toEqual([challenge])
    const answered = { ...challenge, status: 'answered', responderNonce: 'm' } as const
    await b.commit(advanceAuthChallenge('open', answered))
    await b.expectStale(advanceAuthChallenge('open', answered))
    expect(await b.read(authChallengeById('chl_1'))).toEqual([answered])
    await b.commit(forgetAuthChallenges(9))
    expect(await b.read(authChallengeById('chl_1'))).toHaveLength(1)
    await b.commit(forgetAuthChallenges(10))
    expect(await b.read(authChallengeById('chl_1'))).toEqual([])
  })

  test('what a secret signs requests with is kept as it was first', async () => {
    const b = await bench(database)
    await b.commit(rememberRequestKey('crd_1', 'a'))
    await b.commit(rememberRequestKey('crd_1', 'b'))
    expect(await b.read(requestKeyById('crd_1'))).toEqual(['a'])
    expect(await b.read(requestKeyById('crd_2'))).toEqual([])
  })

  test('proofs that nobody could take any more are forgotten, the oldest first and some at a time', async () => {
    const b = await bench(database)
    await b.commit(...[4, 1, 3, 2].map((until) => spendProof(`p${until}`, until)))
    await b.commit(forgetProofs(4, 2))
    await b.commit(spendProof('p1', 1), spendProof('p2', 2))
    for (const until of [3, 4]) {
      expect(await b.unit([spendProof(`p${until}`, until)])).toMatchObject({ ok: false })
    }
  })

  test('a server is seen last when it was seen last', async () => {
    const b = await bench(database)
    await b.commit(recordSighting('srv_1', 5))
    await b.commit(recordSighting('srv_1', 9))
    expect(await b.read(sightings)).toEqual([{ serverId: 'srv_1', lastSeenAt: 9 }])
  })

  describe('restrictions', () => {
    const written = revocation({
      within: ['grt_0', 'crd_1'],
      mintedBefore: 7,
      scopes: scopes('demo:read'),
      cause: "ä '",
    })
    const { seq: _, ...unnumbered } = written

    test('get the number of their change', async () => {
      const b = await bench(database)
      await b.commit(insertFact('a', '1'), insertRevocation(unnumbered))
      await b.commit(insertRevocation({ ...unnumbered, scopes: [] }))
      const both = [written, { ...written, seq: 2, scopes: [] }]
      expect(await b.read(allRevocations)).toEqual(both)
      expect(await b.read(revocationBySeq(2))).toEqual([both[1]])
      expect(await b.read(lostRevocations)).toEqual([])
    })

    test('restrict all the more once they were tampered with, or removed', async () => {
      const b = await bench(database)
      await b.commit(insertRevocation(unnumbered))
      const strictest = [
        expect.objectContaining({
          seq: Number.MAX_SAFE_INTEGER,
          kind: 'grant',
          target: 'grt_1',
          within: [],
          scopes: [],
        }),
      ]
      const [stored = {}] = await b.rows(`select * from revocations`)
      for (const [column, value] of Object.entries(stored)) {
        if (column === 'seq') continue
        const set = `update revocations set ${column} = $1`
        await b.tamper(set, [typeof value === 'number' ? value + 1 : `${value}1`])
        expect({ column, found: await b.read(allRevocations) }).toEqual({
          column,
          found: strictest,
        })
        expect(await b.read(revocationBySeq(1))).toEqual(strictest)
        await b.tamper(set, [value])
      }
      expect(await b.read(allRevocations)).toEqual([written])
      await b.tamper(`delete from revocations`)
      expect(await b.read(lostRevocations)).toEqual(strictest)
      expect(await b.read(revocationBySeq(1))).toEqual(strictest)
    })
  })

  describe('resource types', () => {
    const type = {
      orgId: 'org_1',
      type: 'demo',
      description: 'd',
      ownerId: 'agt_1',
      createdAt: 1,
      operations: new Map([['read', sinceThisChange]]),
    }
    const at = (...operations: [string, number][]) => ({
      ...type,
      operations: new Map(operations),
    })

    test('know at which change each operation came', async () => {
      const b = await bench(database)
      await b.commit(insertRevocation(revocation()), putResourceType(type))
      const first = at(['read', 2])
      expect(await b.read(allResourceTypes)).toEqual([first])
      await b.commit(putResourceType(at(['read', 2], ['write', sinceThisChange]), first))
      expect(await b.read(allResourceTypes)).toEqual([at(['read', 2], ['write', 3])])
    })

    test('are replaced by their owner only, and only as they were read', async () => {
      const b = await bench(database)
      await b.commit(putResourceType(type))
      const first = at(['read', 1])
      const more = at(['read', 1], ['write', sinceThisChange])
      await b.expectStale(putResourceType(more))
      await b.expectStale(putResourceType({ ...more, ownerId: 'agt_2' }, first))
      await b.expectStale(putResourceType({ ...more, createdAt: 2 }, first))
      await b.commit(putResourceType(more, first))
      await b.expectStale(putResourceType(at(['read', 1], ['print', sinceThisChange]), first))
      expect(await b.read(allResourceTypes)).toEqual([at(['read', 1], ['write', 2])])
    })
  })

  test('a signing key that was compromised stays so', async () => {
    const b = await bench(database)
    const key = {
      id: 'key_1',
      purpose: 'access_token',
      alg: 'ES256',
      publicJwk: '{}',
      sealedPrivate: 's',
      status: 'active',
      createdAt: 1,
    } as const
    await b.commit(putSigningKey(key))
    const ended = { ...key, status: 'compromised', retiresAt: 5 } as const
    await b.commit(putSigningKey(ended))
    await b.expectStale(putSigningKey({ ...key, status: 'rotated', retiresAt: 9 }))
    expect(await b.read(allSigningKeys)).toEqual([ended])
  })
}
