// A verifier believes a token of this Remit, for this server, as long as Remit would; and it asks for keys
// and list every few seconds, never for a request.

import { describe, expect, test } from 'vitest'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { minted } from '../attacks/attack.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { served } from './served.ts'
import type { ForNotes, Served } from './served.ts'

const cause = 'test'
const period = 6

/** `allowed`, the code of the decision, or the exact reason why the token is not believed. */
async function verdict(verifier: Verifier, token: string, permission = 'demo:read') {
  const checked = await verifier.check(token, [permission])
  return 'results' in checked ? checked.results[0]?.code : checked.reason
}

test('a token says who is calling, under which grant and what they may do', async () => {
  const s = await served()
  const root = await s.mint({ task: 'a' })
  const child = await s.delegate(root, { task: 'a/b' })
  const found = await s.verifier().verify(child.token)
  expect(found).toEqual({
    ok: true,
    authority: {
      org_id: s.w.orgId,
      subject_id: s.w.local.id,
      agent_id: s.w.local.id,
      instance_id: expect.stringMatching(/^ins_/),
      grant_id: child.grantId,
      lineage: [root.grantId],
      token_id: expect.stringMatching(/^tok_/),
      task: 'a/b',
      scopes: ['demo:read'],
      expires_at: s.w.now() + 300,
      may: expect.any(Function),
    },
  })
})

test('a permission is decided with what is missing, where, and what would mend it', async () => {
  const s = await served()
  const root = await s.mint({ scopes: ['demo/a/**:read', 'demo/b:*'] })
  const permissions = ['demo/a/b:read', 'demo/b:write', 'demo/a:write', 'demo/*:read', 'demo:read']
  expect(await s.verifier().check(root.token, permissions)).toEqual({
    allowed: false,
    results: [
      {
        permission: 'demo/a/b:read',
        allowed: true,
        code: 'allowed',
        matched_scope: 'demo/a/**:read',
      },
      { permission: 'demo/b:write', allowed: true, code: 'allowed', matched_scope: 'demo/b:*' },
      missing('demo/a:write'),
      {
        permission: 'demo/*:read',
        allowed: false,
        code: 'invalid_scope',
        remedy: { text: 'This is not a permission: type/segment:operation, no wildcards.' },
      },
      missing('demo:read'),
    ],
  })

  function missing(permission: string) {
    return {
      permission,
      allowed: false,
      code: 'insufficient_scope',
      missing_at: root.grantId,
      remedy: {
        text: 'Ask whoever delegated this grant for one that covers what is missing.',
        operation: 'delegate_token',
        arguments: { to: s.w.local.id, scopes: [permission] },
      },
    }
  }
  expect(await s.verifier().check(root.token, [])).toEqual({ allowed: false, results: [] })
})

test('keys and list are fetched once a period, however many requests there are', async () => {
  const s = await served()
  const { token } = await s.mint()
  const verifier = s.verifier()
  await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)))
  expect(s.fetched).toEqual(['deny-list', 'jwks'])
  s.w.pass(4)
  await verifier.verify(token)
  expect(s.fetched).toHaveLength(2)
  s.w.pass(1)
  await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)))
  expect(s.fetched.slice(2)).toEqual([expect.stringMatching(/^deny-list since \d+$/)])
})

/** Everything that ends a chain of three from its middle, and the code that its last one is told. */
interface Chain {
  readonly s: Served
  readonly root: ForNotes
  readonly middle: ForNotes
}
const ends: readonly (readonly [string, (chain: Chain) => Promise<object>, string])[] = [
  [
    'the middle agent is suspended',
    ({ s }) => s.w.result(setAgentStatus, { agent: 'middle', status: 'suspended', cause }),
    'denied_agent agent_suspended',
  ],
  [
    'the credential of the root is revoked',
    ({ s }) => s.w.result(revokeCredential, { credential_id: s.w.local.credentialId, cause }),
    'denied_credential ancestor_revoked',
  ],
  [
    'the credential of the root is rotated at once',
    ({ s }) => s.w.result(rotateCredential, { overlap_seconds: 0, delivery: 'meta' }, s.w.local),
    'denied_credential ancestor_revoked',
  ],
  [
    'the grant in the middle is revoked',
    ({ s, middle }) => s.w.result(revokeToken, { grant_id: middle.grantId, cause }),
    'denied_grant ancestor_revoked',
  ],
  [
    'a token of the root is revoked',
    ({ s, root }) => s.w.result(revokeToken, { token_id: root.tokenId, cause }),
    'denied_grant ancestor_revoked',
  ],
  [
    'the middle agent’s grants are revoked',
    ({ s }) => s.w.result(revokeToken, { agent: 'middle', cause }),
    'denied_agent ancestor_revoked',
  ],
  [
    'its task is revoked by whoever started it',
    ({ s, root }) => s.w.result(revokeToken, { task: 'a/b', cause }, root.presented),
    'denied_task invalid_token',
  ],
  [
    'the key that signed it was compromised',
    ({ s }) => s.w.result(rotateSigningKey, { retire_after_seconds: 0 }),
    'unknown_key invalid_token',
  ],
]

describe('within a period it is refused that', () => {
  test.each(ends)('%s', async (_, end, told) => {
    const s = await served()
    await s.w.addAgent('middle', 'demo:* tokens:delegate')
    const root = await s.mint({ task: 'a' })
    const middle = await s.delegate(root, {
      scopes: ['demo:read', 'tokens:delegate'],
      to: 'middle',
      task: 'a/b',
    })
    const leaf = await s.delegate(middle, { to: 'local', task: 'a/b/c' })
    const verifier = s.verifier()
    expect(await verdict(verifier, leaf.token)).toBe('allowed')
    s.w.pass(1)
    await end({ s, root, middle })
    s.w.pass(period)
    const found = await verifier.verify(leaf.token)
    const [reason, code] = told.split(' ')
    expect(found).toMatchObject({ ok: false, reason, error: { code } })
    // Of what lies above it is told only that it ended.
    expect(JSON.stringify(found)).not.toContain(root.grantId)
    expect(JSON.stringify(found)).not.toContain(middle.grantId)
  })
})

test('a cut ceiling loses only what was cut, for good, and what is minted later only what is left', async () => {
  const s = await served()
  const scopes = ['demo:read', 'demo:write']
  const old = await s.mint({ scopes })
  const verifier = s.verifier()
  s.w.pass(1)
  await s.w.result(updateAgent, { agent: 'local', ceiling: ['demo:read'] })
  s.w.pass(period)
  const may = async (token: string) => [
    await verdict(verifier, token, 'demo:read'),
    await verdict(verifier, token, 'demo:write'),
  ]
  expect(await may(old.token)).toEqual(['allowed', 'insufficient_scope'])
  await s.w.result(updateAgent, { agent: 'local', ceiling: ['demo:*'] })
  s.w.pass(period)
  expect(await may(old.token)).toEqual(['allowed', 'insufficient_scope'])
  expect(await may(await s.renew(old))).toEqual(['allowed', 'insufficient_scope'])
  const young = await s.mint({ scopes })
  expect(await may(young.token)).toEqual(['allowed', 'allowed'])
})

test('what is minted after a restriction is believed, but for the same second', async () => {
  const s = await served()
  await s.w.result(revokeToken, { agent: 'local', cause })
  const same = await s.mint()
  s.w.pass(1)
  const later = await s.mint()
  const verifier = s.verifier()
  expect(await verdict(verifier, same.token)).toBe('denied_agent')
  expect(await verdict(verifier, await s.renew(same))).toBe('allowed')
  expect(await verdict(verifier, later.token)).toBe('allowed')
})

test('`*` does not mean an operation that was registered later', async () => {
  const s = await served()
  const { token } = await s.mint({ scopes: ['demo:*'] })
  s.w.pass(1)
  const operations = ['read', 'write', 'delete', 'print']
  await s.w.result(registerResourceType, { type: 'demo', description: '', operations })
  s.w.pass(1)
  const young = await s.mint({ scopes: ['demo:*'] })
  const verifier = s.verifier()
  expect(await verdict(verifier, token, 'demo:print')).toBe('insufficient_scope')
  expect(await verdict(verifier, token, 'demo:write')).toBe('allowed')
  expect(await verdict(verifier, young.token, 'demo:print')).toBe('allowed')
})

test('keys rotate without anyone noticing', async () => {
  const s = await served()
  const verifier = s.verifier()
  const old = await s.mint()
  expect(await verdict(verifier, old.token)).toBe('allowed')
  await s.w.result(rotateSigningKey, { alg: 'ES256' })
  await s.w.result(rotateSigningKey, { purpose: 'deny_list', alg: 'ES256' })
  const young = await s.mint()
  s.w.pass(period)
  expect(await verdict(verifier, young.token)).toBe('allowed')
  expect(await verdict(verifier, old.token)).toBe('allowed')
})

test('a token dies at its second, and one for Remit or for another server is for nobody here', async () => {
  const s = await served()
  const { token, text } = await s.mint()
  const verifier = s.verifier()
  expect(await verdict(verifier, text)).toBe('wrong_audience')
  s.w.pass(299)
  expect(await verdict(verifier, token)).toBe('allowed')
  s.w.pass(1)
  expect(await verdict(verifier, token)).toBe('expired')
})

describe('a token whose uses are counted', () => {
  const counted = async () => {
    const s = await served()
    return { s, token: (await s.mint({ uses: 3 })).token }
  }

  test('is refused where Remit is not asked, saying so', async () => {
    const { s, token } = await counted()
    expect(await s.verifier().verify(token)).toMatchObject({
      ok: false,
      reason: 'opaque',
      error: {
        code: 'invalid_token',
        remedy: { text: expect.stringContaining('without a limit') },
      },
    })
  })

  test('is what Remit says where it is asked', async () => {
    const { s, token } = await counted()
    const answer = {
      active: true,
      iss: s.w.issuer,
      aud: s.audience,
      exp: s.w.now() + 10,
      scope: 'demo:read',
      sub: 'agt_1',
      client_id: 'agt_2',
      grant_id: 'grt_1',
    }
    const says = (change: object) =>
      verdict(s.verifier({ introspect: async () => ({ ...answer, ...change }) }), token)
    expect(await says({})).toBe('allowed')
    expect(await says({ scope: 'demo:write' })).toBe('insufficient_scope')
    for (const change of [
      { active: false },
      { active: 'true' },
      { iss: 'urn:remit:other' },
      { aud: s.w.issuer },
      { exp: s.w.now() },
      { exp: undefined },
      { scope: 'demo:read Demo:read' },
      { client_id: undefined },
      { cnf: { jkt: 'x' } },
      { require: ['approval'] },
    ]) {
      expect(await says(change)).toBe('inactive')
    }
    const failing = s.verifier({ introspect: () => Promise.reject(new Error('down')) })
    expect(await failing.verify(token)).toMatchObject({ error: { code: 'unavailable' } })
  })
})

test('a grant under protections that only Remit can verify is refused', async () => {
  const s = await served()
  const asked = { scopes: ['demo:read'], audience: [s.audience] }
  for (const require of [['approval'], ['signed_request'], ['pop']]) {
    const { text } = await minted(s.w, s.w.local, { ...asked, require })
    expect(await verdict(s.verifier(), text)).toBe('protected')
  }
})
