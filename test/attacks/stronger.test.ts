// Authority, rule 5: toward an agent whose ceiling one does not cover, one may only restrict it or have
// its secret replaced for it alone.

import { describe, expect, test } from 'vitest'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { pair } from '../support/keys.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { codeOf, enters, may, minted, tried } from './attack.ts'

const powers = 'agents:* credentials:* tokens:delegate'

/** A manager with every power over agents but only `demo:read`, and an agent that may write. */
async function unequal(w: World) {
  const manager = await w.addAgent('manager', `demo:read ${powers}`)
  const strong = await w.addAgent('strong', 'demo:read demo:write')
  return { manager, strong }
}

describe('toward a stronger agent', () => {
  test('nothing is changed that could hand out its power', async () => {
    const w = await world()
    const { manager, strong } = await unequal(w)
    const scopes = ['demo:read']
    const keys = { public_jwk: pair().publicJwk, encryption_jwk: pair('x25519').publicJwk }
    const key = { agent: 'strong', kind: 'api_key', scopes: ['demo:write'], expires_at: 'never' }
    const rows = [
      ['update_agent', { agent: 'strong', ceiling: ['demo:*'] }],
      ['update_agent', { agent: 'strong', ceiling: ['demo:read'] }],
      ['update_agent', { agent: 'strong', auth_methods: ['api_key'] }],
      ['update_agent', { agent: 'strong', sensitivity: 'low' }],
      ['update_agent', { agent: 'strong', owner: 'manager' }],
      ['update_agent', { agent: strong.id, description: 'mine' }],
      ['set_agent_status', { agent: 'strong', status: 'retired', cause: 'test' }],
      ['add_credential', { agent: 'strong', kind: 'secret', delivery: 'meta' }],
      ['add_credential', { agent: 'strong', kind: 'secret', delivery: 'handoff' }],
      ['add_credential', { ...key, delivery: 'meta' }],
      // What would be covered still is that agent, claims for it and opens what is sealed to it.
      ['add_credential', { agent: 'strong', kind: 'secret', scopes, delivery: 'meta' }],
      ['add_credential', { agent: 'strong', kind: 'public_key', scopes, ...keys }],
      ['add_credential', { agent: 'admin', kind: 'public_key', scopes, ...keys }],
      ['rotate_credential', { credential_id: strong.credentialId, delivery: 'meta' }],
      ['rotate_credential', { credential_id: strong.credentialId, delivery: 'file' }],
      ['rotate_credential', { credential_id: strong.credentialId, delivery: 'inline' }],
      ['rotate_credential', { credential_id: strong.credentialId }],
    ] as const
    for (const [name, args] of rows) {
      expect([args, await tried(w, name, args, manager)]).toEqual([args, 'exceeds_ceiling'])
    }
    const supplied = { credential_id: strong.credentialId, public_jwk: {}, delivery: 'handoff' }
    expect(await tried(w, 'rotate_credential', supplied, manager)).toBe('exceeds_ceiling')
    expect(await may(w, strong, 'demo:write')).toBe('allowed')
  })

  test('a manager may suspend it, but not make it active again', async () => {
    const w = await world()
    const { manager, strong } = await unequal(w)
    const status = (to: string) => ({ agent: 'strong', status: to, cause: 'test' })
    expect(await tried(w, 'set_agent_status', status('suspended'), manager)).toBe('allowed')
    expect(await tried(w, 'set_agent_status', status('active'), manager)).toBe('exceeds_ceiling')
    expect(await enters(w, strong)).toBe('agent_suspended')
  })

  test('a manager may revoke its credentials', async () => {
    const w = await world()
    const { manager, strong } = await unequal(w)
    const args = { credential_id: strong.credentialId, cause: 'test' }
    expect(await tried(w, 'revoke_credential', args, manager)).toBe('allowed')
    expect(await enters(w, strong)).toBe('invalid_client')
  })

  test('a manager may have its secret replaced, and cannot claim what it gets for it', async () => {
    const w = await world()
    const { manager, strong } = await unequal(w)
    const args = { credential_id: strong.credentialId, delivery: 'handoff' }
    const answer = await w.result(rotateCredential, args, manager)
    const { handoff } = (answer as { delivery?: { handoff?: string } }).delivery ?? {}
    const claim = { handoff, delivery: 'meta' }
    expect(await tried(w, 'claim_handoff', claim, manager)).toBe('not_found')
    expect(await tried(w, 'claim_handoff', claim, { kind: 'nothing' })).not.toBe('allowed')
    expect(await tried(w, 'claim_handoff', claim, strong)).toBe('allowed')
  })

  test('partial cover is no cover', async () => {
    const w = await world()
    await w.addType('vault', ['open', 'close'])
    const rows = [
      ['vault/a/**:open', 'vault:open'],
      ['vault/*:open', 'vault/**:open'],
      ['vault:open', 'vault:*'],
      ['vault:open', 'vault:open demo:read'],
    ] as const
    for (const [i, [own, theirs]] of rows.entries()) {
      const manager = await w.addAgent(`manager${i}`, `${own} ${powers}`)
      await w.addAgent(`strong${i}`, theirs)
      const args = { agent: `strong${i}`, kind: 'secret', delivery: 'meta' }
      expect([theirs, await tried(w, 'add_credential', args, manager)]).toEqual([
        theirs,
        'exceeds_ceiling',
      ])
    }
  })
})

describe('toward an equal or weaker agent', () => {
  test('old and new ceiling must both be covered', async () => {
    const w = await world()
    const manager = await w.addAgent('manager', `demo:read ${powers}`)
    await w.addAgent('weak', 'demo:read')
    const to = (ceiling: readonly string[]) => ({ agent: 'weak', ceiling })
    expect(await tried(w, 'update_agent', to(['demo/a:read']), manager)).toBe('allowed')
    expect(await tried(w, 'update_agent', to(['demo:write']), manager)).toBe('exceeds_ceiling')
    expect(await tried(w, 'update_agent', to(['demo:*']), manager)).toBe('exceeds_ceiling')
    expect(await tried(w, 'update_agent', to(['demo:read']), manager)).toBe('allowed')
  })

  test('nobody raises its own ceiling', async () => {
    const w = await world()
    const manager = await w.addAgent('manager', `demo:read ${powers}`)
    const ceiling = ['demo:read', 'demo:write', 'agents:*']
    expect(await tried(w, 'update_agent', { agent: 'manager', ceiling }, manager)).toBe(
      'exceeds_ceiling',
    )
  })

  test('a new agent is covered by the grant acted under, not by the ceiling of who registers', async () => {
    const w = await world()
    const manager = await w.addAgent('manager', `demo:* ${powers}`)
    const root = await minted(w, manager, { scopes: ['demo:read', 'agents:register'] })
    const about = { name: 'puppet', description: '', owner: 'me', delivery: 'meta' }
    const rows = [
      [{ ceiling: ['demo:write'] }, 'exceeds_ceiling'],
      [{ ceiling: ['demo:*'] }, 'exceeds_ceiling'],
      [{ ceiling: ['demo:read', 'agents:update'] }, 'exceeds_ceiling'],
      [{ ceiling: ['demo:read'] }, 'allowed'],
    ] as const
    for (const [more, code] of rows) {
      const answer = await w.call(registerAgent, { ...about, ...more }, root.presented)
      expect([more, codeOf(answer)]).toEqual([more, code])
    }
  })

  test('the first credential of a new agent stays within its ceiling', async () => {
    const w = await world()
    const credential = { kind: 'secret', scopes: ['demo:write'] }
    const about = { name: 'puppet', description: '', owner: 'me', ceiling: ['demo:read'] }
    const answer = await w.call(registerAgent, { ...about, credential, delivery: 'meta' })
    expect(codeOf(answer)).toBe('exceeds_ceiling')
  })
})
