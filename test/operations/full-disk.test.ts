// What goes on when the disk is full: whatever tells, decides or ends authority, and what it takes to be
// allowed that. Everything else is refused and leaves nothing.

import { describe, expect, test } from 'vitest'
import { createAuditBuffer } from '../../src/authority/audit-buffer.ts'
import { createCommitter } from '../../src/authority/committer.ts'
import type { Context } from '../../src/authority/context.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { commitWithin } from '../../src/store/disk.ts'
import type { Reserve } from '../../src/store/reserve.ts'
import type { Unit, UnitResult } from '../../src/store/store.ts'
import { authorityIn, eventsOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'

/** The same process on a disk that has room for what is urgent alone, or for nothing. */
async function onFullDisk(w: World) {
  let left = 2
  const reserve: Reserve = {
    refill: () => false,
    release: (use) => left > (use === 'checks' ? 1 : 0),
  }
  const { store, live, now } = w.context
  const run = (units: readonly Unit[], at: number): readonly UnitResult[] => {
    if (left === 1 && units.some(({ reserved }) => reserved !== 'revocations')) throw full
    if (left === 0) throw full
    return store.commit(units, at) as readonly UnitResult[]
  }
  const commit = (units: readonly Unit[], at: number) =>
    commitWithin(reserve, units, { run: (some) => run(some, at), tidy: () => undefined })
  const committer = createCommitter({ ...store, commit }, live, now)
  const context: Context = { ...w.context, committer, audit: createAuditBuffer(committer) }
  return {
    context,
    leave: (steps: number) => {
      left = steps
    },
  }
}

const full = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })

type Asked = readonly [
  name: string,
  operation: Operation<never, object>,
  args: (of: Named) => object,
]

interface Named {
  readonly worker: Holder
  readonly grantId: string
}

const asked = <O>(operation: O) => operation as Operation<never, object>
const cause = 'test'

const urgent: readonly Asked[] = [
  ['check_permission', asked(checkPermission), () => ({ permissions: ['demo:read'] })],
  ['a denied check', asked(checkPermission), () => ({ permissions: ['agents:nothing'] })],
  ['revoke_token', asked(revokeToken), ({ grantId }) => ({ grant_id: grantId, cause })],
  [
    'revoke_credential',
    asked(revokeCredential),
    ({ worker }) => ({ credential_id: worker.credentialId, cause }),
  ],
  [
    'set_agent_status',
    asked(setAgentStatus),
    ({ worker }) => ({ agent: worker.name, status: 'suspended', cause }),
  ],
]

const others: readonly Asked[] = [
  ['mint_token', asked(mintToken), () => ({ scopes: ['demo:read'] })],
  ['delegate_token', asked(delegateToken), () => ({ scopes: ['demo:read'] })],
  [
    'register_agent',
    asked(registerAgent),
    () => ({ name: 'new', description: '', owner: 'o', ceiling: ['demo:read'] }),
  ],
  [
    'update_agent',
    asked(updateAgent),
    ({ worker }) => ({ agent: worker.name, description: 'other' }),
  ],
  ['rotate_credential', asked(rotateCredential), () => ({ delivery: 'meta' })],
]

async function prepared() {
  const w = await world()
  const worker = await w.addAgent('worker', 'demo:read')
  const { grant_id: grantId } = await w.result(mintToken, { scopes: ['demo:read'] })
  return { w, named: { worker, grantId }, disk: await onFullDisk(w) }
}

describe('on a full disk', () => {
  test.each(urgent)('%s goes on, and is in the audit', async (_, operation, args) => {
    const { w, named, disk } = await prepared()
    const answer = await w.call(operation, args(named) as never, w.admin, { in: disk.context })
    expect(answer.ok ? 'allowed' : answer.refusal.message).toBe('allowed')
    await disk.context.audit.flush()
    expect((await eventsOf(w, operation.name)).at(-1)?.operation).toBe(operation.name)
  })

  test.each(others)('%s is refused and changes nothing', async (_, operation, args) => {
    const { w, named, disk } = await prepared()
    const before = authorityIn(w)
    const { code, message } = await w.refusal(operation, args(named) as never, w.admin, {
      in: disk.context,
    })
    expect([code, message]).toEqual([
      'unavailable',
      'The disk of the store is full; nothing was changed.',
    ])
    expect(authorityIn(w)).toEqual(before)
  })

  test('an agent that never called before may check', async () => {
    const { w, named, disk } = await prepared()
    const answer = await w.call(checkPermission, { permissions: ['demo:read'] }, named.worker, {
      in: disk.context,
    })
    expect(answer.ok && answer.result['allowed']).toBe(true)
  })

  test('a refusal of a known caller is in the audit, one for want of space is not', async () => {
    const { w, named, disk } = await prepared()
    const args = { name: 'new', description: '', owner: 'o', ceiling: ['demo:read'] }
    const refusal = await w.refusal(registerAgent, args, named.worker, { in: disk.context })
    expect(refusal.code).toBe('insufficient_scope')
    expect((await eventsOf(w, 'register_agent')).at(-1)?.id).toBe(refusal.detail.decision_id)
    const count = (await eventsOf(w)).length
    await w.refusal(registerAgent, args, w.admin, { in: disk.context })
    expect(await eventsOf(w)).toHaveLength(count)
  })
})

describe('when the space that is kept is spent', () => {
  test('for checks, they are unavailable, and revocations go on', async () => {
    const { w, named, disk } = await prepared()
    disk.leave(1)
    const check = () =>
      w.refusal(checkPermission, { permissions: ['demo:write'] }, named.worker, {
        in: disk.context,
      })
    expect((await check()).code).toBe('unavailable')
    await w.call(checkPermission, { permissions: ['demo:read'] }, w.admin, { in: disk.context })
    await expect(disk.context.audit.flush()).rejects.toMatchObject({ code: 'unavailable' })
    const revoked = { grant_id: named.grantId, cause }
    await w.result(revokeToken, revoked, w.admin, { in: disk.context })
    disk.leave(2)
    await disk.context.audit.flush()
    expect((await w.result(checkPermission, { permissions: ['demo:read'] })).allowed).toBe(true)
  })

  test('for all, revocations are unavailable too, and nothing is half done', async () => {
    const { w, named, disk } = await prepared()
    disk.leave(0)
    const before = authorityIn(w)
    const args = { grant_id: named.grantId, cause }
    const { code } = await w.refusal(revokeToken, args, w.admin, { in: disk.context })
    expect(code).toBe('unavailable')
    expect(authorityIn(w)).toEqual(before)
  })
})
