// Every call is made by exactly one source, under exactly one grant.

import { describe, expect, test } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf, whoami } from './asking.ts'

const nobody = { kind: 'nothing' } as const

describe('from exactly one source', () => {
  test('a credential of the request excludes that of the environment', async () => {
    const w = await world()
    const { presented } = await rootOf(w, w.local)
    const meta = { 'dev.remit/token': presented.presentedToken }
    expect(await ask(w, whoami, {}, w.admin, { meta })).toMatchObject({ agent: { name: 'local' } })
    for (const bad of ['', 'nothing', 7]) {
      const dead = { 'dev.remit/token': bad } as Record<string, unknown>
      const { code } = await w.refusal(whoami, {}, w.admin, { meta: dead })
      expect(['invalid_client', 'invalid_token']).toContain(code)
    }
  })

  test('act_as in the metadata narrows the whole request', async () => {
    const w = await world()
    const child = await childOf(w, w.local, { scopes: ['demo:read', 'tokens:delegate'] })
    const apart = await childOf(w, w.local, { scopes: ['demo:read'] })
    const meta = { 'dev.remit/act_as': child.grant_id }
    expect(await ask(w, whoami, {}, w.local, { meta })).toMatchObject({
      grant: { id: child.grant_id },
    })
    const below = await childOf(w, child.presented, { scopes: ['demo/a:read'] })
    const asked = { act_as: below.grant_id }
    expect(await ask(w, whoami, asked, w.local, { meta })).toMatchObject({
      grant: { id: below.grant_id },
    })
    const beside = { act_as: apart.grant_id }
    expect(await refuse(w, whoami, beside, w.local, { meta })).toMatchObject({ code: 'not_found' })
  })

  test('REMIT_ACT_AS=required leaves the bare environment little', async () => {
    const w = await world({ settings: { actAs: 'required' } })
    const { grant_id } = await childOf(w, w.local, { scopes: ['demo:read'] })
    const question = { permissions: ['demo:read'] }
    expect(await refuse(w, checkPermission, question, w.local)).toMatchObject({
      code: 'insufficient_scope',
      remedy: { operation: 'delegate_token' },
    })
    const acting = { ...question, act_as: grant_id }
    expect(await ask(w, checkPermission, acting, w.local)).toMatchObject({ allowed: true })
    expect(await ask(w, whoami, {}, w.local)).toMatchObject({ agent: { name: 'local' } })
    const meta = { 'dev.remit/agent_id': w.local.id, 'dev.remit/agent_secret': w.local.secret }
    expect(await ask(w, checkPermission, question, nobody, { meta })).toMatchObject({
      allowed: true,
    })
  })
})
