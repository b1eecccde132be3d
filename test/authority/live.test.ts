// The live state after catching up is the one that would be loaded afresh, whatever two processes did.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCommitter } from '../../src/authority/committer.ts'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { openLiveState } from '../../src/authority/live.ts'
import type { LiveState } from '../../src/authority/live.ts'
import { putAgent } from '../../src/store/agents.ts'
import { putCredential } from '../../src/store/credentials.ts'
import { insertGrant } from '../../src/store/grants.ts'
import { openForInit } from '../../src/store/open.ts'
import { putResourceType, sinceThisChange } from '../../src/store/resource-types.ts'
import { insertRevocation } from '../../src/store/revocations.ts'
import { putRegistration, putServer } from '../../src/store/servers.ts'
import { putSigningKey } from '../../src/store/signing-keys.ts'
import type { Store, Write } from '../../src/store/store.ts'
import { event, keys } from '../store/contract/bench.ts'
import { agent, credential, grant, revocation, scopes, server } from '../support/state.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { world } from '../support/world.ts'

const names = [0, 1, 2]

/** Everything that a live state answers, in an order of its own. */
function everything(live: LiveState) {
  const sorted = <T>(map: ReadonlyMap<string, T>) =>
    [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const agents = names.map((n) => `agt_${n}`)
  const kinds = ['grant', 'agent', 'ceiling', 'credential'] as const
  return {
    seq: live.seq,
    agents: sorted(live.agents),
    credentials: sorted(live.credentials),
    servers: sorted(live.servers),
    registrations: sorted(live.registrations),
    resourceTypes: sorted(live.resourceTypes),
    signingKeys: sorted(live.signingKeys),
    roots: agents.map((id) => [...live.rootsOf(id)].map((root) => root.id).toSorted()),
    revocations: kinds.flatMap((kind) => names.map((n) => live.revocations(`${kind}:x${n}`))),
    byName: names.map((n) => [
      live.agentByName('org_1', `name-${n}`)?.id,
      live.serverByName('org_1', `name-${n}`)?.id,
    ]),
    bySecret: names.flatMap((n) => names.map((m) => live.credentialBySecret(`s${n}${m}`)?.id)),
    ceilings: sorted(live.agents).map(([, each]) =>
      live
        .ceilingOf(each)
        .map(({ text }) => text)
        .toSorted(),
    ),
    types: names.map((n) => live.resourceType('org_1', `type-${n}`)),
  }
}

interface Step {
  readonly process: 0 | 1
  readonly what: (typeof changes)[number]
  readonly n: number
  readonly m: number
}

const changes = [
  'agent',
  'credential',
  'server',
  'registration',
  'type',
  'key',
  'root',
  'revocation',
  'refresh',
] as const

const step: fc.Arbitrary<Step> = fc.record({
  process: fc.constantFrom(0, 1),
  what: fc.constantFrom(...changes),
  n: fc.constantFrom(...names),
  m: fc.constantFrom(...names),
})

/** What a process would write, on what it knows; on what it does not know it will be stale. */
function writeOf(live: LiveState, { what, n, m }: Step, made: number): Write {
  switch (what) {
    case 'agent': {
      const version = (live.agent(`agt_${n}`)?.version ?? 0) + 1
      const computedCeiling = n === 0
      const ceiling = scopes(m === 0 ? '' : `type-${m}:*`)
      return putAgent(
        agent({ id: `agt_${n}`, name: `name-${n}`, version, ceiling, computedCeiling }),
      )
    }
    case 'credential': {
      const version = (live.credential(`crd_${n}`)?.version ?? 0) + 1
      const id = `crd_${n}`
      return putCredential(
        credential({ id, version, ...(version % 3 !== 0 && { secretHash: `s${n}${m}` }) }),
      )
    }
    case 'server': {
      const recordVersion = (live.server(`srv_${n}`)?.recordVersion ?? 0) + 1
      const status = m === 0 ? 'revoked' : 'active'
      return putServer(server({ id: `srv_${n}`, name: `name-${n}`, recordVersion, status }))
    }
    case 'registration': {
      const version = (live.registrations.get(`reg_${n}`)?.version ?? 0) + 1
      const fixed = { orgId: 'org_1', serverId: 'srv_1', createdAt: 1, expiresAt: 2 }
      const status = m === 0 ? 'revoked' : 'pending'
      return putRegistration({ ...fixed, id: `reg_${n}`, secretHash: `r${n}`, status, version })
    }
    case 'type': {
      const known = live.resourceType('org_1', `type-${n}`)
      const operations = new Map([...(known?.operations ?? []), [`op-${m}`, sinceThisChange]])
      for (const [name, since] of known?.operations ?? []) operations.set(name, since)
      const fixed = { orgId: 'org_1', description: `${m}`, ownerId: 'agt_0', createdAt: 1 }
      return putResourceType({ ...fixed, type: `type-${n}`, operations }, known)
    }
    case 'key': {
      const status = (['active', 'rotated', 'compromised'] as const)[m] ?? 'active'
      const fixed = {
        purpose: 'access_token',
        alg: 'EdDSA',
        publicJwk: '{}',
        createdAt: 1,
      } as const
      return putSigningKey({ ...fixed, id: `key_${n}`, sealedPrivate: 's', status, retiresAt: m })
    }
    case 'root': {
      const { expiresAt: _, ...rest } = grant({ id: `grt_${made}`, agentId: `agt_${n}` })
      const standingKey = `${n}${m}`
      return insertGrant({ grant: { ...rest, standing: true }, guard: [], standingKey })
    }
    default: {
      const kind = (['grant', 'agent', 'ceiling'] as const)[m] ?? 'grant'
      const { seq: _, ...rest } = revocation({ kind, target: `x${n}`, cause: `${made}` })
      return insertRevocation(rest)
    }
  }
}

async function startProcess(store: Store) {
  const live = await openLiveState(store)
  return { live, committer: createCommitter(store, live, () => 1) }
}

test('random histories of two processes', { timeout: 60_000 }, async () => {
  const folder = temporaryFolder()
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      run += 1
      const options = { keys: () => keys, hashOf: auditHash, onDamage: () => undefined }
      const open = () => openForInit(`${folder}/${run}.db`, options)
      const stores = [open(), open(), open()] as const
      await stores[0].commit([{ writes: [], events: [event()] }], 1)
      const processes = [await startProcess(stores[0]), await startProcess(stores[1])] as const
      for (const [i, each] of steps.entries()) {
        const { live, committer } = processes[each.process]
        if (each.what === 'refresh') await live.refresh()
        else await committer.submit({ writes: [writeOf(live, each, i)], events: [event()] })
      }
      const fresh = everything(await openLiveState(stores[2]))
      for (const { live } of processes) {
        await live.refresh()
        expect(everything(live)).toEqual(fresh)
      }
      for (const store of stores) await store.close()
    }),
    { numRuns: 60 },
  )
})

describe('catching up', () => {
  test('what this process committed is known before it is answered', async () => {
    const w = await world()
    const revision = w.context.live.revision
    const { id } = await w.addAgent('new', 'demo:read')
    expect(w.context.live.agentByName(w.orgId, 'new')?.id).toBe(id)
    expect(w.context.live.revision).toBeGreaterThan(revision)
  })

  test('what another process committed is known after a refresh, and not asked for twice', async () => {
    const w = await world()
    const { live } = await w.startProcess()
    const { id } = await w.addAgent('new', 'demo:read')
    expect(live.agent(id)).toBeUndefined()
    await expect.poll(async () => (await live.refresh(), live.agent(id)?.name)).toBe('new')
    const { revision } = live
    await live.refresh()
    expect(live.revision).toBe(revision)
  })

  test('a record that was damaged is gone with the next change to it', async () => {
    const w = await world()
    const { live } = await w.startProcess()
    w.tamper(`update agents set ceiling = 'demo:*', version = 2 where name = 'local'`)
    const { agents } = w.context.live
    const known = agents.get(w.local.id)
    w.tamper(
      `insert into changes (seq, entity, entity_id, at) values (?, 'agent', ?, 1)`,
      live.seq + 1,
      known?.id ?? '',
    )
    await live.catchUp()
    expect(live.agent(w.local.id)).toBeUndefined()
    expect(w.damaged).not.toEqual([])
  })

  test('one that failed is made up for at the next call', async () => {
    const w = await world()
    const { live } = await w.startProcess()
    w.tamper(`alter table agents rename to elsewhere`)
    await w.write([])
    w.tamper(
      `insert into changes (seq, entity, entity_id, at) values (?, 'agent', ?, 1)`,
      live.seq + 1,
      w.local.id,
    )
    await expect((async () => live.catchUp())()).rejects.toThrow('SQLITE')
    const { seq } = live
    w.tamper(`alter table elsewhere rename to agents`)
    await live.refresh()
    expect(live.seq).toBe(seq + 1)
  })
})
