// Authority, rule 6: the administrator is a flag that cannot be given away, and the last one stays.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import type { Holder, World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { codeOf, enters, may, secretFrom, tried } from './attack.ts'

const remedy = {
  text: 'On the host, `remit init --recover` gives the administrator a new credential.',
}

test('the last administrator is neither suspended nor retired', async () => {
  const w = await world()
  for (const status of ['suspended', 'retired']) {
    const args = { agent: 'admin', status, cause: 'coup' }
    const { code, detail } = await w.refusal(setAgentStatus, args)
    expect([status, code, detail.remedy]).toEqual([status, 'conflict', remedy])
  }
  expect(await enters(w, w.admin)).toBe('allowed')
})

test('the last administrator keeps a credential, however its end is asked for', async () => {
  const w = await world()
  const rows = [
    ['revoke_credential', { credential_id: w.admin.credentialId, cause: 'coup' }],
    ['revoke_credential', { credential_id: w.admin.credentialId, cause: 'c', kill_tokens: false }],
    ['rotate_credential', { overlap_seconds: 0, delivery: 'handoff' }],
    ['update_agent', { agent: 'admin', auth_methods: ['x509'] }],
    ['update_agent', { agent: 'admin', auth_methods: ['api_key', 'client_assertion'] }],
  ] as const
  for (const [name, args] of rows) {
    expect([name, await tried(w, name, args, w.admin)]).toEqual([name, 'conflict'])
  }
  expect(await enters(w, w.admin)).toBe('allowed')
})

test('a credential whose secret nobody holds yet is not a way in', async () => {
  const w = await world()
  const added = { agent: 'admin', kind: 'secret', delivery: 'handoff' }
  await w.result(addCredential, added)
  const args = { credential_id: w.admin.credentialId, cause: 'coup' }
  expect(await tried(w, 'revoke_credential', args, w.admin)).toBe('conflict')
})

test('another agent with the permission does not shut out the last administrator', async () => {
  const w = await world()
  const rebel = await w.addAgent('rebel', 'agents:suspend credentials:revoke')
  const suspend = { agent: 'admin', status: 'suspended', cause: 'coup' }
  const revoke = { credential_id: w.admin.credentialId, cause: 'coup' }
  expect(await tried(w, 'set_agent_status', suspend, rebel)).toBe('conflict')
  expect(await tried(w, 'revoke_credential', revoke, rebel)).toBe('conflict')
  expect(await enters(w, w.admin)).toBe('allowed')
})

test('a dry run of shutting out the last administrator is refused too', async () => {
  const w = await world()
  const args = { agent: 'admin', status: 'retired', cause: 'coup', dry_run: true }
  expect(await tried(w, 'set_agent_status', args, w.admin)).toBe('conflict')
})

const second = async (w: World): Promise<Holder> => {
  const answer = await w.call(addCredential, { agent: 'admin', kind: 'secret', delivery: 'meta' })
  const presented = secretFrom(answer, w.admin.id)
  const credentialId = answer.ok ? String(answer.result['credential_id']) : ''
  const secret = presented.kind === 'secret' ? presented.presentedSecret : ''
  return { id: w.admin.id, name: 'admin', credentialId, secret, presented }
}

test.each([{ kill_tokens: true }, { kill_tokens: false }])(
  'two credentials of the last administrator that are revoked at once leave one: %o',
  async (how) => {
    for (const [first, then] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const w = await world()
      const other = await w.startProcess()
      const admins = [w.admin, await second(w)] as const
      const end = (by: 0 | 1, which: 0 | 1) =>
        w.call(
          revokeCredential,
          { credential_id: admins[which].credentialId, cause: 'coup', ...how },
          admins[by],
          { in: by === 0 ? w.context : other },
        )
      await Promise.all([end(first, 1), end(then, 0)])
      const entries = await Promise.all(admins.map((admin) => enters(w, admin)))
      expect(entries).toContain('allowed')
    }
  },
)

test('two administrators who are suspended at once leave one', async () => {
  const w = await world()
  const other = await w.addAgent('other', '', { computedCeiling: true })
  const suspend = (agent: string) =>
    w.call(setAgentStatus, { agent, status: 'suspended', cause: 'coup' }, w.admin)
  const answers = await Promise.all([suspend('other'), suspend('admin')])
  expect(answers.map(codeOf)).toContain('allowed')
  const entries = [await enters(w, w.admin), await enters(w, other)]
  expect(entries).toContain('allowed')
})

test('the name makes no administrator', async () => {
  const w = await world()
  const fake = await w.addAgent('admin.2', 'demo:read')
  const { orgId } = await w.addOrg('elsewhere')
  const namesake = await w.addAgent('superadmin', 'demo:read', { orgId })
  expect(await may(w, fake, 'audit:read')).toBe('insufficient_scope')
  expect(await may(w, namesake, 'audit:read')).toBe('insufficient_scope')
})

test('the flag cannot be asked for, and the computed ceiling cannot be set', async () => {
  const w = await world()
  const about = { name: 'heir', description: '', owner: 'me', ceiling: ['demo:read'] }
  for (const extra of [{ computed_ceiling: true }, { computedCeiling: true }]) {
    expect(codeOf(await w.call(registerAgent, { ...about, ...extra }))).toBe('invalid_request')
  }
  const cut = { agent: 'admin', ceiling: ['demo:read'] }
  expect(codeOf(await w.call(updateAgent, cut))).toBe('conflict')
})

test('the ceiling that is computed covers what was registered since, for nobody else', async () => {
  const w = await world()
  const rival = await w.addAgent('rival', 'demo:* agents:register')
  await w.addType('vault', ['open'])
  expect(await may(w, w.admin, 'vault:open')).toBe('allowed')
  expect(await may(w, rival, 'vault:open')).toBe('insufficient_scope')
})
