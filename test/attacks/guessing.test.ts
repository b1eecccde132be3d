// Guessing at an agent's credentials: it is told to stop, stands out in the audit, and neither locks the
// agent out nor holds up anybody else.

import { expect, test } from 'vitest'
import { newSecret } from '../../src/crypto/secret.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { world } from '../support/world.ts'
import { enters } from './attack.ts'

test('a storm of guesses is told to stop, and the honest holder is let in throughout', async () => {
  const w = await world()
  const guess = () => {
    const presentedSecret = newSecret('agent_secret').reveal()
    return enters(w, { kind: 'secret', agentId: w.local.id, presentedSecret })
  }
  for (let i = 0; i < 600; i++) expect(await guess()).toBe('invalid_client')
  for (let i = 0; i < 3; i++) {
    expect(await guess()).toBe('rate_limited')
    expect(await enters(w, w.local)).toBe('allowed')
    expect(await enters(w, w.admin)).toBe('allowed')
  }
  const assertion = { kind: 'assertion', agentId: w.local.id, presentedAssertion: 'a.b.c' } as const
  expect(await enters(w, assertion)).toBe('rate_limited')
  expect(await enters(w, { ...assertion, agentId: w.admin.id })).toBe('invalid_client')
  await w.context.audit.flush()
  const { events } = await w.result(queryAudit, { operation: 'whoami', code: 'rate_limited' })
  expect(events[0]).toMatchObject({ detail: { finding: 'guessed_credentials' }, count: 4 })
  w.pass(60)
  expect(await guess()).toBe('invalid_client')
})
