// A registration credential is redeemed once, in time, for its server only, and then belongs to one key.

import { describe, expect, test } from 'vitest'
import { registerServer } from '../../src/authority/register-server.ts'
import { Refusal } from '../../src/core/refusal.ts'
import type { AuditEvent } from '../../src/core/audit-link.ts'
import { generateRegistrationKey } from '../../src/crypto/registration-proof.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { queryEvents } from '../../src/store/audit.ts'
import { sightings } from '../../src/store/servers.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const unregistered = () => world({ registered: false })

type Asked = Parameters<typeof registerServer>[1]

const refused = async (w: World, asked: Asked): Promise<Refusal> => {
  try {
    await registerServer(w.context, asked)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('It registered.')
}

const eventsOf = async (w: World): Promise<readonly AuditEvent[]> => {
  await w.context.audit.flush()
  const filter = { orgId: w.orgId, operation: 'register_mcp_server', limit: 100 }
  return w.context.store.read(queryEvents(filter))
}

const registrationOf = (w: World) => w.context.live.registrations.get(w.registration.credential_id)

/** What a later start presents: the bound key alone. */
const again = (w: World): Asked => {
  const { presentedSecret: _, ...rest } = w.registering()
  return rest
}

describe('redeeming', () => {
  test('binds the credential to the key and makes the server active', async () => {
    const w = await unregistered()
    w.pass(60)
    expect((await registerServer(w.context, w.registering())).result).toEqual({
      server_id: w.serverId,
      registered_at: w.now(),
      audience: w.issuer,
    })
    expect(registrationOf(w)).toMatchObject({ status: 'bound', redeemedAt: w.now() })
    expect(w.context.live.server(w.serverId)).toMatchObject({ status: 'active', version: '1' })
    expect(await w.context.store.read(sightings)).toEqual([
      { serverId: w.serverId, lastSeenAt: w.now() },
    ])
    const [event] = await eventsOf(w)
    expect(event).toMatchObject({
      outcome: 'allowed',
      code: 'allowed',
      target: w.serverId,
      detail: '{"version":"1","redeemed":true,"tools":0}',
    })
    expect(JSON.parse(event?.presented ?? '')).toEqual({
      method: 'registration',
      credential_id: w.registration.credential_id,
    })
  })

  test('is too late when the credential has expired', async () => {
    const w = await unregistered()
    w.pass(24 * 3600)
    const { code, message } = await refused(w, w.registering())
    expect({ code, message }).toEqual({
      code: 'invalid_client',
      message: 'The registration credential has expired.',
    })
  })

  test('by two processes at once is one redemption', async () => {
    const w = await unregistered()
    const other = await w.startProcess()
    const both = [w.context, other].map(
      async (context) => (await registerServer(context, w.registering())).result,
    )
    expect(await Promise.all(both)).toEqual([
      { server_id: w.serverId, registered_at: w.now(), audience: w.issuer },
      { server_id: w.serverId, registered_at: w.now(), audience: w.issuer },
    ])
    expect((await eventsOf(w)).map(({ detail }) => JSON.parse(detail).redeemed)).toEqual([
      false,
      true,
    ])
  })
})

describe('a stranger learns a fixed remedy only', () => {
  const key = generateRegistrationKey()
  const rows: [string, (w: World) => Partial<Asked>][] = [
    ['garbage for a secret', () => ({ presentedSecret: 'rmt_reg_nonsense' })],
    [
      'a secret that was never issued',
      () => ({ presentedSecret: newSecret('registration').reveal() }),
    ],
    ['garbage for a proof', () => ({ presentedProof: 'a.b.c' })],
    [
      'a proof by another key',
      (w) => ({ presentedProof: w.proof({ privateJwk: key.privateJwk }) }),
    ],
    ['a proof for another audience', (w) => ({ presentedProof: w.proof({ audience: 'urn:x' }) })],
    ['a proof of an hour ago', (w) => ({ presentedProof: w.proof({ now: w.now() - 3600 }) })],
  ]
  test.each(rows)('%s', async (_, change) => {
    const w = await unregistered()
    const refusal = await refused(w, { ...w.registering(), ...change(w) })
    expect(refusal.toError()).toEqual({
      code: 'invalid_client',
      message: 'The caller could not be authenticated.',
      remedy: {
        text: 'Register with an unredeemed registration credential, or by the key that is bound to it.',
      },
    })
    expect(registrationOf(w)?.status).toBe('pending')
    expect(await eventsOf(w)).toMatchObject([{ outcome: 'refused', code: 'invalid_client' }])
  })
})

test.each(['agent_secret', 'api_key', 'handoff', 'opaque_token', 'management_token'] as const)(
  'a secret of kind %s belongs elsewhere',
  async (kind) => {
    const w = await unregistered()
    const presentedSecret = newSecret(kind).reveal()
    const { code } = await refused(w, { ...w.registering(), presentedSecret })
    expect(code).toBe('wrong_credential_class')
  },
)

describe('the credential fits one server and one key', () => {
  test('another server name is refused', async () => {
    const w = await unregistered()
    const asked = { ...w.registering(), presentedProof: w.proof({ serverName: 'other' }) }
    expect((await refused(w, { ...asked, name: 'other' })).code).toBe('invalid_client')
    expect((await refused(w, asked)).code).toBe('invalid_client')
  })

  test('a proof that names another credential is refused', async () => {
    const w = await unregistered()
    const credentialId = w.context.newId('reg')
    const asked = { ...w.registering(), presentedProof: w.proof({ credentialId }) }
    expect((await refused(w, asked)).code).toBe('invalid_client')
  })

  test('a second key by the same credential is refused with a finding', async () => {
    const w = await world()
    const { publicJwk, privateJwk } = generateRegistrationKey()
    const asked = { ...w.registering(), publicJwk, presentedProof: w.proof({ privateJwk }) }
    const refusal = await refused(w, asked)
    expect(refusal.code).toBe('invalid_client')
    expect(refusal.toError()).not.toHaveProperty('finding')
    const [event] = await eventsOf(w)
    expect(event).toMatchObject({
      outcome: 'refused',
      detail: '{"finding":"second_server_key"}',
      target: w.serverId,
    })
    expect(event?.presented).toContain(w.registration.credential_id)
  })

  test('a second key without the secret is a stranger, and a finding too', async () => {
    const w = await world()
    const { publicJwk, privateJwk } = generateRegistrationKey()
    const asked = { ...again(w), publicJwk, presentedProof: w.proof({ privateJwk }) }
    expect((await refused(w, asked)).message).toBe('The caller could not be authenticated.')
    const [event] = await eventsOf(w)
    expect(event).toMatchObject({ detail: '{"finding":"second_server_key"}' })
    expect(event).not.toHaveProperty('presented')
  })

  test('nobody redeems without the secret', async () => {
    const w = await unregistered()
    expect((await refused(w, again(w))).code).toBe('invalid_client')
    expect(registrationOf(w)?.status).toBe('pending')
  })
})

describe('once it is bound', () => {
  test('the key alone proves later starts, long after the credential expired', async () => {
    const w = await world()
    const registeredAt = w.now()
    w.pass(30 * 86_400)
    expect((await registerServer(w.context, again(w))).result).toEqual({
      server_id: w.serverId,
      registered_at: registeredAt,
      audience: w.issuer,
    })
    expect(await w.context.store.read(sightings)).toEqual([
      { serverId: w.serverId, lastSeenAt: w.now() },
    ])
  })

  test('it updates version and tools', async () => {
    const w = await world()
    const tools = [{ name: 'createIssue', scope_name: 'create_issue' }, { name: 'read' }]
    await registerServer(w.context, { ...again(w), version: '2', tools })
    expect(w.context.live.server(w.serverId)).toMatchObject({ version: '2', tools })
  })

  test('a heartbeat changes no record', async () => {
    const w = await world()
    const { seq } = w.context.live
    await registerServer(w.context, again(w))
    expect(w.context.live.seq).toBe(seq)
  })

  test('a proof is good once', async () => {
    const w = await world()
    const asked = again(w)
    await registerServer(w.context, asked)
    expect((await refused(w, asked)).code).toBe('replay_detected')
  })

  test.each([
    ['a name that cannot stand in a scope', [{ name: 'createIssue' }]],
    ['two tools of one scope name', [{ name: 'a' }, { name: 'b', scope_name: 'a' }]],
  ])('%s is refused', async (_, tools) => {
    const w = await world()
    expect((await refused(w, { ...again(w), tools })).code).toBe('invalid_request')
  })

  test('a key with private members is refused', async () => {
    const w = await world()
    const asked = { ...again(w), publicJwk: w.registration.private_jwk }
    expect((await refused(w, asked)).code).toBe('invalid_request')
  })
})
