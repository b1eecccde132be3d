// Attacks on repeats (authority: 20). A repeat is a call like any other: it proves, may and hands out
// anew, and what is kept of the first answer is worth nothing to whoever reads the store.

import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { authorityIn, byToken, eventsOf, grantIn, handedIn, tablesOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const reading = { scopes: ['demo:read'], grant_ttl_seconds: 3600, delivery: 'meta' }
const cause = 'test'
const secretOf = (agentId: string, presentedSecret: string): Presented => ({
  kind: 'secret',
  agentId,
  presentedSecret,
})

describe('what a repeat hands out', () => {
  test('is a new token of the same live grant', async () => {
    const w = await world()
    const asked = { ...reading, idempotency_key: 'k' }
    const first = await w.call(mintToken, asked, w.local)
    const again = await w.call(mintToken, asked, w.local)
    expect(grantIn(again)).toBe(grantIn(first))
    expect(handedIn(again)).not.toBe(handedIn(first))
    for (const answer of [first, again]) {
      expect((await w.result(whoami, {}, byToken(answer))).grant.id).toBe(grantIn(first))
    }
  })

  test('is nothing once the grant is dead', async () => {
    const w = await world()
    const asked = { ...reading, idempotency_key: 'k' }
    const first = await w.call(mintToken, asked, w.local)
    await w.call(revokeToken, { grant_id: grantIn(first), cause: 'test' }, w.local)
    const before = authorityIn(w)
    expect((await w.refusal(mintToken, asked, w.local)).code).toBe('invalid_token')
    expect(authorityIn(w)).toEqual(before)
  })

  test('is a fresh secret, and the lost one proves nothing any more', async () => {
    const w = await world()
    const agent = { name: 'new', description: '', owner: 'tests', ceiling: ['demo:read'] }
    const asked = { ...agent, delivery: 'meta', idempotency_key: 'k' }
    const first = await w.call(registerAgent, asked)
    const again = await w.call(registerAgent, asked)
    if (!first.ok || !again.ok) throw new Error('It was refused.')
    expect(again.result).toEqual(first.result)
    const id = String(first.result['agent_id'])
    expect((await w.refusal(whoami, {}, secretOf(id, handedIn(first)))).code).toBe('invalid_client')
    expect((await w.result(whoami, {}, secretOf(id, handedIn(again)))).agent.id).toBe(id)
  })

  test('is refused once the secret was used', async () => {
    const w = await world()
    const asked = { agent: w.local.id, kind: 'secret', delivery: 'meta', idempotency_key: 'k' }
    const secret = handedIn(await w.call(addCredential, asked))
    await w.result(whoami, {}, secretOf(w.local.id, secret))
    const before = authorityIn(w)
    expect((await w.refusal(addCredential, asked)).code).toBe('conflict')
    expect(authorityIn(w)).toEqual(before)
    expect((await w.result(whoami, {}, secretOf(w.local.id, secret))).agent.id).toBe(w.local.id)
  })
})

describe('the key of a call', () => {
  test('with other arguments is a conflict', async () => {
    const w = await world()
    await w.result(mintToken, { ...reading, idempotency_key: 'k' }, w.local)
    const others = [{ scopes: ['demo:*'] }, { ttl_seconds: 60 }, { task: 'x' }, { uses: 1 }]
    for (const change of others) {
      const asked = { ...reading, ...change, idempotency_key: 'k' }
      expect((await w.refusal(mintToken, asked, w.local)).code).toBe('conflict')
    }
  })

  test('belongs to one credential, acting grant and operation', async () => {
    const w = await world()
    const other = await w.addOrg('other')
    await w.addType('demo', ['read'], other.orgId)
    const asked = { scopes: ['demo:read'], idempotency_key: 'k' }
    const second = await w.call(addCredential, {
      agent: w.local.id,
      kind: 'secret',
      delivery: 'meta',
    })
    const localToo = secretOf(w.local.id, handedIn(second))
    const minted = await w.result(mintToken, asked, w.local)
    const parent = await w.result(
      mintToken,
      { scopes: ['demo:read', 'tokens:delegate'], grant_ttl_seconds: 900 },
      w.local,
    )
    const grants = [
      minted.grant_id,
      (await w.result(mintToken, asked, localToo)).grant_id,
      (await w.result(mintToken, asked, w.admin)).grant_id,
      (await w.result(delegateToken, asked, w.local)).grant_id,
      (await w.result(delegateToken, { ...asked, act_as: parent.grant_id }, w.local)).grant_id,
      (await w.result(mintToken, asked, other.admin)).grant_id,
    ]
    expect(new Set(grants).size).toBe(grants.length)
  })

  test('makes one grant of twenty calls at once, over two processes', async () => {
    const w = await world()
    const processes = [w.context, await w.startProcess()]
    const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900, idempotency_key: 'k' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        w.call(mintToken, asked, w.local, { in: processes[i % 2] ?? w.context }),
      ),
    )
    expect(new Set(answers.map(grantIn)).size).toBe(1)
    expect(tablesOf(w)['grants']?.filter((grant) => grant['standing'] === 0)).toHaveLength(1)
  })
})

describe('a repeat is authorised anew', () => {
  const newAgent = { name: 'new', description: '', owner: 'o', ceiling: ['demo:read'] }
  const steps = [
    [
      'update_agent',
      updateAgent,
      () => ({ agent: 'local', description: '' }),
      'insufficient_scope',
    ],
    [
      'set_agent_status',
      setAgentStatus,
      () => ({ agent: 'local', status: 'suspended', cause }),
      'insufficient_scope',
    ],
    ['add_credential', addCredential, () => ({ agent: 'local', kind: 'secret' }), 'not_found'],
    [
      'revoke_credential',
      revokeCredential,
      (crd: string) => ({ credential_id: crd, cause }),
      'not_found',
    ],
    ['register_agent', registerAgent, () => newAgent, 'insufficient_scope'],
  ] as const

  test.each(steps)(
    '%s is refused to whoever lost the permission',
    async (_, operation, asked, code) => {
      const w = await world()
      const chief = await w.addAgent('chief', 'agents:* credentials:* tokens:* demo:*')
      const keyed = { ...asked(w.local.credentialId), idempotency_key: 'k' }
      const first = await w.call(operation as typeof updateAgent, keyed, chief)
      expect(first.ok).toBe(true)
      await w.result(updateAgent, { agent: chief.id, ceiling: ['demo:*', 'tokens:*'] })
      const again = await w.refusal(operation as typeof updateAgent, keyed, chief)
      expect(again.code).toBe(code)
    },
  )

  test('with a dead credential it is refused, save the rotation that ended it', async () => {
    const w = await world()
    const rotation = { overlap_seconds: 0, delivery: 'meta', idempotency_key: 'r' }
    const mint = { scopes: ['demo:read'], idempotency_key: 'm' }
    await w.result(mintToken, mint, w.local)
    const first = await w.call(rotateCredential, rotation, w.local)
    expect((await w.refusal(mintToken, mint, w.local)).code).toBe('invalid_client')
    const other = { ...rotation, idempotency_key: 'another' }
    expect((await w.refusal(rotateCredential, other, w.local)).code).toBe('invalid_client')
    const again = await w.call(rotateCredential, rotation, w.local)
    expect(handedIn(again)).not.toBe(handedIn(first))
    w.pass(601)
    expect((await w.refusal(rotateCredential, rotation, w.local)).code).toBe('invalid_client')
  })

  test('the repeat by a dead secret gets no handoff', async () => {
    const w = await world()
    const rotation = { overlap_seconds: 0, delivery: 'handoff', idempotency_key: 'r' }
    expect((await w.call(rotateCredential, rotation, w.local)).ok).toBe(true)
    expect((await w.refusal(rotateCredential, rotation, w.local)).code).toBe('invalid_request')
  })
})

describe('what is kept', () => {
  test('names neither the key, nor an argument, nor anything handed out', async () => {
    const w = await world()
    const asked = { ...reading, task: 'secret-task', idempotency_key: 'the-key' }
    const answer = await w.call(mintToken, asked, w.local)
    const kept = JSON.stringify(tablesOf(w)['idempotency'])
    expect(kept).toContain(grantIn(answer))
    for (const text of ['the-key', 'secret-task', handedIn(answer), w.local.credentialId]) {
      expect(kept).not.toContain(text)
    }
  })

  test('is nothing for a dry run, which needs the same permission and is in the audit', async () => {
    const w = await world()
    const before = authorityIn(w)
    const asked = { agent: 'local', status: 'suspended', cause: 'c', dry_run: true }
    const keyed = { ...asked, idempotency_key: 'k' }
    expect((await w.refusal(setAgentStatus, keyed, w.local)).code).toBe('insufficient_scope')
    const answer = await w.result(setAgentStatus, keyed)
    expect(answer).toEqual({ status: 'suspended', grants_affected: 1, dry_run: true })
    const { grants: _, changes: __, ...rest } = authorityIn(w)
    const { grants: ___, changes: ____, ...unchanged } = before
    expect(rest).toEqual(unchanged)
    const events = await eventsOf(w, 'set_agent_status')
    expect(events.map(({ code, detail }) => [code, JSON.parse(detail)])).toEqual([
      ['insufficient_scope', { missing: [expect.any(String)] }],
      ['allowed', { status: 'suspended', cause: 'c', dry_run: true }],
    ])
  })

  test('cannot be edited into a token of someone else', async () => {
    const w = await world()
    const victim = await w.result(mintToken, { scopes: ['tokens:*'], grant_ttl_seconds: 900 })
    const asked = { ...reading, idempotency_key: 'k' }
    const own = await w.result(mintToken, asked, w.local)
    const swap = 'update idempotency set result = replace(result, ?, ?)'
    expect(w.tamper(swap, own.grant_id, victim.grant_id)).toBe(1)
    expect((await w.refusal(mintToken, asked, w.local)).code).toBe('unavailable')
    expect(w.damaged.length).toBeGreaterThan(0)
  })
})
