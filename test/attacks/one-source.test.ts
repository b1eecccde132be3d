// Authority, rules 8 and 9: a source that is present decides alone, and without a usable one next to
// nothing is seen or done.

import { describe, expect, test } from 'vitest'
import type { Meta, Presented } from '../../src/authority/presented.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { authorityFor } from '../../src/operations/authority-for.ts'
import { operations } from '../../src/operations/index.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { enters, minted, named, secretFrom, tried } from './attack.ts'

const nothing: Presented = { kind: 'nothing' }

const remedy = {
  text: 'Present exactly one credential: a token, an agent id with its secret, or an API key.',
}

/** A token and a secret that are good, to be spoilt one way or another. */
async function good(w: World) {
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const { id, secret } = w.local
  return { token: text, id, secret }
}

test('what is there but unusable is refused, although the environment would do', async () => {
  const w = await world()
  const { token, id, secret } = await good(w)
  const key = 'dev.remit'
  const rows: readonly (readonly [string, Record<string, unknown>])[] = [
    ['an empty token', { [`${key}/token`]: '' }],
    ['a token that is none', { [`${key}/token`]: 7 }],
    ['null', { [`${key}/token`]: null }],
    ['a list of tokens', { [`${key}/token`]: [token] }],
    ['an empty proof', { [`${key}/token`]: token, [`${key}/proof`]: '' }],
    ['a secret without an agent', { [`${key}/agent_secret`]: secret }],
    ['an agent without a secret', { [`${key}/agent_id`]: id }],
    ['a name for an id', { [`${key}/agent_id`]: 'local', [`${key}/agent_secret`]: secret }],
    ['a padded id', { [`${key}/agent_id`]: ` ${id}`, [`${key}/agent_secret`]: secret }],
    [
      'an upper case id',
      { [`${key}/agent_id`]: id.toUpperCase(), [`${key}/agent_secret`]: secret },
    ],
    ['an unknown key', { [`${key}/tokens`]: token }],
    ['a key of another case', { [`${key}/Token`]: token }],
    [
      'two forms',
      { [`${key}/token`]: token, [`${key}/agent_id`]: id, [`${key}/agent_secret`]: secret },
    ],
    ['a token and a key', { [`${key}/token`]: token, [`${key}/api_key`]: secret }],
    [
      'a secret and a registration',
      { [`${key}/agent_secret`]: secret, [`${key}/registration`]: secret },
    ],
    ['an empty act_as', { [`${key}/act_as`]: '' }],
    ['an act_as that is no id', { [`${key}/act_as`]: 'local' }],
    ['a token beyond all size', { [`${key}/token`]: token.padEnd(70_000, 'A') }],
  ]
  for (const [what, meta] of rows) {
    const refused = await w.refusal(named('whoami'), {}, w.admin, { meta: meta as Meta })
    expect([what, refused.code]).toEqual([what, 'invalid_client'])
  }
})

test('a dead or foreign credential in the metadata excludes the environment’s', async () => {
  const w = await world()
  const { token, id } = await good(w)
  const wrong = { 'dev.remit/agent_id': id, 'dev.remit/agent_secret': w.admin.secret }
  const forged = { 'dev.remit/token': `${token.slice(0, -4)}AAAA` }
  expect(await enters(w, w.admin, { meta: wrong })).toBe('invalid_client')
  expect(await enters(w, w.admin, { meta: forged })).toBe('invalid_token')
  w.pass(300)
  expect(await enters(w, w.admin, { meta: { 'dev.remit/token': token } })).toBe('invalid_token')
})

test('metadata of others is none of ours', async () => {
  const w = await world()
  const meta = { progressToken: 1, 'com.example/token': 'x', 'dev.remitter/token': 'x' }
  expect(await enters(w, w.local, { meta })).toBe('allowed')
  expect(await enters(w, nothing, { meta })).toBe('invalid_client')
})

test('each kind of secret is refused where another belongs', async () => {
  const w = await world()
  const key = { agent: 'local', kind: 'api_key', scopes: ['demo:read'], expires_at: 'never' }
  const made = await w.call(addCredential, { ...key, delivery: 'meta' }, w.local)
  const apiKey = secretFrom(made, w.local.id)
  const text = apiKey.kind === 'api_key' ? apiKey.presentedSecret : ''
  const { id, secret } = w.local
  const opaque = await minted(w, w.local, { scopes: ['demo:read'], uses: 2 })
  const asSecret = (presentedSecret: string): Presented => ({
    kind: 'secret',
    agentId: id,
    presentedSecret,
  })
  const rows: readonly (readonly [string, Presented, string])[] = [
    ['an API key as a secret', asSecret(text), 'wrong_credential_class'],
    ['a token as a secret', asSecret(opaque.text), 'wrong_credential_class'],
    ['a registration as a secret', asSecret(w.registration.secret), 'wrong_credential_class'],
    [
      'a secret as an API key',
      { kind: 'api_key', presentedSecret: secret },
      'wrong_credential_class',
    ],
    ['a secret as a token', { kind: 'token', presentedToken: secret }, 'wrong_credential_class'],
    ['the secret of another agent', asSecret(w.admin.secret), 'invalid_client'],
    [
      'a server’s proof',
      { kind: 'server_proof', presentedProof: w.proof() },
      'wrong_credential_class',
    ],
    ['the right key', apiKey, 'allowed'],
    ['the right token', opaque.presented, 'allowed'],
  ]
  for (const [what, as, code] of rows) expect([what, await enters(w, as)]).toEqual([what, code])
})

test('the holder of something dead is told so; a stranger hears a code and a fixed remedy', async () => {
  const w = await world()
  const fake = { kind: 'secret', agentId: w.local.id, presentedSecret: w.admin.secret } as const
  for (const as of [nothing, { kind: 'unusable' } as const, fake]) {
    expect((await w.refusal(named('whoami'), {}, as)).toError()).toEqual({
      code: 'invalid_client',
      message: 'The caller could not be authenticated.',
      remedy,
    })
  }
  const args = { agent: 'local', status: 'suspended', cause: 'private reason' }
  await w.result(setAgentStatus, args)
  const told = (await w.refusal(named('whoami'), {}, w.local)).toError()
  expect([told.code, told.missing_at]).toEqual(['agent_suspended', w.local.id])
  expect(JSON.stringify(told)).not.toContain('private reason')
})

test('a method that the agent may not use is no way in', async () => {
  const w = await world()
  await w.result(updateAgent, { agent: 'local', auth_methods: ['api_key'] })
  expect(await enters(w, w.local)).toBe('invalid_client')
})

describe('with no credential, or a dead one', () => {
  const sources = {
    nothing: () => nothing,
    'an unusable one': () => ({ kind: 'unusable' }) as const,
    'a revoked one': ({ local }: World) => local.presented,
  }

  test.each(Object.keys(sources) as (keyof typeof sources)[])(
    '%s: only whoami and the claim of a first secret are listed, and every call is refused',
    async (which) => {
      const w = await world()
      const environment = sources[which](w)
      await w.result(revokeCredential, { credential_id: w.local.credentialId, cause: 'c' })
      const { visible, ttlMs } = await authorityFor(w.context, { environment }, operations)
      expect([visible.map(({ name }) => name).toSorted(), ttlMs]).toEqual([
        ['claim_handoff', 'whoami'],
        0,
      ])
      for (const { name } of operations) {
        if (name === 'claim_handoff' || name === 'register_mcp_server') continue
        expect([name, await tried(w, name, {}, environment)]).toEqual([name, 'invalid_client'])
      }
    },
  )

  test('neither arguments nor a dry run nor a repeat get a stranger further', async () => {
    const w = await world()
    const args = { scopes: ['demo:read'], idempotency_key: 'k' }
    await minted(w, w.local, args)
    for (const more of [{}, { dry_run: true }]) {
      expect(await tried(w, 'mint_token', { ...args, ...more }, nothing)).toBe('invalid_client')
    }
  })
})
