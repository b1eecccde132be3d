// Attacks on this server's registration (authority: 27). It is live state: replaced or revoked, the next
// call of every process that proved the old key is refused, and no agent's authority mends it.

import { describe, expect, test } from 'vitest'
import { registerServer } from '../../src/authority/register-server.ts'
import { registerThisServer } from '../../src/authority/registration.ts'
import type { RegistrationFile } from '../../src/authority/registration-file.ts'
import { Refusal } from '../../src/core/refusal.ts'
import { generateRegistrationKey } from '../../src/crypto/registration-proof.ts'
import { operations } from '../../src/operations/index.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { rotateRegistrationCredential } from '../../src/operations/rotate-registration-credential.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import { authorityIn, handedIn } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const revoking = { server: 'remit', cause: 'test' }

/** Two processes that both proved the bound key at their start. */
async function started() {
  const w = await world({ registered: false })
  const other = await w.startProcess()
  await registerThisServer(w.context, w.registration)
  await other.live.refresh()
  await registerThisServer(other, w.registration)
  return { w, other }
}

const refusedStart = async (w: World, file: RegistrationFile, context = w.context) => {
  try {
    await registerThisServer(context, file)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('It started.')
}

describe('once the registration is revoked', () => {
  test('the next call of every process is unavailable, whatever it is and whoever calls', async () => {
    const { w, other } = await started()
    await w.result(whoami, {}, w.local, { in: other })
    await w.result(revokeRegistrationCredential, revoking)
    const before = authorityIn(w)
    for (const context of [w.context, other]) {
      for (const operation of operations.filter(({ name }) => name !== 'register_mcp_server')) {
        for (const as of [w.admin, w.local, { kind: 'nothing' } as const]) {
          const refusal = await w.refusal(operation, {}, as, { in: context })
          expect([operation.name, refusal.code]).toEqual([operation.name, 'unavailable'])
        }
      }
    }
    expect(authorityIn(w)).toEqual(before)
  })

  test('nothing is listed but what a stranger sees, and the public keys can still be read', async () => {
    const { w, other } = await started()
    await w.result(revokeRegistrationCredential, revoking)
    const surface = operationSurface(other, w.admin.presented)
    const { items, ttlMs } = await surface.listTools({ meta: undefined })
    expect([items.map(({ name }) => name), ttlMs]).toEqual([['whoami', 'claim_handoff'], 0])
    expect((await publicKeys(other)).keys).toHaveLength(1)
  })

  test('neither the bound key nor the old secret starts it again', async () => {
    const { w } = await started()
    await w.result(revokeRegistrationCredential, revoking)
    const fresh = await w.startProcess()
    expect((await refusedStart(w, w.registration, fresh)).code).toBe('invalid_client')
    await expect(registerServer(fresh, w.registering())).rejects.toMatchObject({
      code: 'invalid_client',
    })
    expect((await w.refusal(whoami, {}, w.admin, { in: fresh })).code).toBe('unavailable')
  })
})

describe('once a new registration credential was redeemed', () => {
  test('processes that proved the old key are unavailable at once, and cannot start again', async () => {
    const { w, other } = await started()
    const asked = { server: 'remit', delivery: 'meta' }
    const answer = await w.call(rotateRegistrationCredential, asked)
    if (!answer.ok) throw answer.refusal
    const file: RegistrationFile = {
      server_id: w.serverId,
      credential_id: String(answer.result['credential_id']),
      secret: handedIn(answer),
      private_jwk: generateRegistrationKey().privateJwk,
    }
    await w.result(whoami, {}, w.local, { in: other })
    const fresh = await w.startProcess()
    await registerThisServer(fresh, file)
    for (const context of [w.context, other]) {
      expect((await w.refusal(whoami, {}, w.admin, { in: context })).code).toBe('unavailable')
    }
    expect((await w.result(whoami, {}, w.admin, { in: fresh })).agent.name).toBe('admin')
    expect((await refusedStart(w, w.registration)).code).toBe('invalid_client')
  })

  test('one that expired or was replaced unredeemed starts nothing', async () => {
    const { w } = await started()
    const rotate = async (): Promise<RegistrationFile> => {
      const answer = await w.call(rotateRegistrationCredential, {
        server: 'remit',
        ttl_seconds: 60,
        delivery: 'meta',
      })
      if (!answer.ok) throw answer.refusal
      const credential_id = String(answer.result['credential_id'])
      const private_jwk = generateRegistrationKey().privateJwk
      return { server_id: w.serverId, credential_id, secret: handedIn(answer), private_jwk }
    }
    const replaced = await rotate()
    const late = await rotate()
    expect((await refusedStart(w, replaced)).code).toBe('invalid_client')
    w.pass(60)
    expect((await refusedStart(w, late)).code).toBe('invalid_client')
    expect((await w.result(whoami, {}, w.admin)).agent.name).toBe('admin')
  })
})

describe('an agent', () => {
  const args = (w: World) => {
    const { name, version, publicJwk: public_jwk } = w.registering()
    return { name, version, public_jwk, tools: [], resource_types: [] }
  }

  test('even the administrator, registers no server', async () => {
    const { w } = await started()
    const refusal = await w.refusal(registerMcpServer, args(w), w.admin)
    expect(refusal.code).toBe('wrong_credential_class')
  })

  test('is no agent by a registration credential, and no server by an agent secret', async () => {
    const { w } = await started()
    const asAgent = {
      kind: 'secret',
      agentId: w.admin.id,
      presentedSecret: w.registration.secret,
    } as const
    expect((await w.refusal(whoami, {}, asAgent)).code).toBe('wrong_credential_class')
    const asServer = {
      kind: 'registration',
      presentedSecret: w.admin.secret,
      presentedProof: w.proof(),
    } as const
    const refusal = await w.refusal(registerMcpServer, args(w), asServer)
    expect(refusal.code).toBe('wrong_credential_class')
  })

  test('presented by the server itself, no other operation answers', async () => {
    const { w } = await started()
    const others = operations.filter(
      ({ name }) => name !== 'register_mcp_server' && name !== 'introspect_token',
    )
    for (const operation of others) {
      const meta = { 'dev.remit/proof': w.proof() }
      const refusal = await w.refusal(operation, {}, w.admin, { meta })
      expect([operation.name, refusal.code]).toEqual([operation.name, 'wrong_credential_class'])
    }
  })
})
