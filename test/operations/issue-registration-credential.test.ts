// issue_registration_credential: declared, permitted and refused like any other, and not supported yet.

import { expect, test } from 'vitest'
import { issueRegistrationCredential } from '../../src/operations/issue-registration-credential.ts'
import { world } from '../support/world.ts'
import { childOf, contents, refuse } from './asking.ts'

test('it is not supported yet', async () => {
  const w = await world()
  const before = await contents(w)
  const asked = { server_name: 'issues', ttl_seconds: 60, delivery: 'meta' }
  expect(await refuse(w, issueRegistrationCredential, asked)).toMatchObject({ code: 'unsupported' })
  expect((await contents(w))['registrations']).toEqual(before['registrations'])
})

test('permission and arguments are asked for first', async () => {
  const w = await world()
  expect(await refuse(w, issueRegistrationCredential, { server_name: 'x' }, w.local)).toMatchObject(
    { code: 'insufficient_scope', missing: ['servers:register'], missing_at: w.local.id },
  )
  expect(await refuse(w, issueRegistrationCredential, {})).toMatchObject({
    code: 'invalid_request',
    failures: [{ dimension: 'server_name' }],
  })
  const child = await childOf(w, w.admin, { scopes: ['servers:register'] })
  const asked = { server_name: 'x' }
  expect(await refuse(w, issueRegistrationCredential, asked, child.presented)).toMatchObject({
    code: 'exceeds_parent',
  })
})
