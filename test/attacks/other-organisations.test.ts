// Attacks across organisations (authority: 39, and law 1 in its dimension "organisation"). Whatever is
// asked about another's things is answered as about things that do not exist, and nothing of them is told.

import { describe, expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { operations } from '../../src/operations/index.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import type { About } from '../support/every-operation.ts'
import { everyCall, nothing, withoutNames } from '../support/every-operation.ts'
import { authorityIn, byToken, grantIn, tablesOf } from '../support/evidence.ts'
import { addServer } from '../support/servers.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'

interface Organisation {
  readonly orgId: string
  readonly admin: Holder
  readonly about: About
}

/** Fills an organisation with one of everything, all under names that nothing else has. */
async function fill(w: World, orgId: string, admin: Holder): Promise<Organisation> {
  const mark = `mark-of-${admin.id.slice(-2)}`
  const traits = { orgId, owner: `${mark}-owner`, description: `${mark} description` }
  const agent = await w.addAgent(`${mark}-agent`, 'demo:* tokens:*', traits)
  const type = { operations: ['read', 'write', 'delete'], description: `${mark} type` }
  if (orgId !== w.orgId) await w.result(registerResourceType, { type: 'demo', ...type }, admin)
  await w.result(registerResourceType, { type: `${mark}-type`, ...type }, admin)
  const server = await addServer(w, `${mark}-server`, { orgId })
  const asked = { scopes: ['demo:read', 'tokens:delegate'], grant_ttl_seconds: 3600 }
  const labels = { task: `${mark}-task`, instance: `${mark}-instance` }
  const grant = await w.result(mintToken, { ...asked, ...labels }, agent)
  const under = { scopes: ['demo:read'], act_as: grant.grant_id }
  await w.result(delegateToken, under, agent)
  await w.context.audit.flush()
  return {
    orgId,
    admin,
    about: {
      agent: agent.id,
      agentName: agent.name,
      grant: grant.grant_id,
      token: grant.token_id,
      instance: grant.instance_id ?? '',
      credential: agent.credentialId,
      server: server.id,
      serverName: server.name,
    },
  }
}

async function scene() {
  const w = await world()
  const { orgId, admin } = await w.addOrg('second')
  return { w, first: await fill(w, w.orgId, w.admin), second: await fill(w, orgId, admin) }
}

/** All rows of one organisation, whatever they say of it. */
const rowsOf = (w: World, orgId: string) =>
  Object.fromEntries(
    Object.entries(authorityIn(w)).map(([name, rows]) => [
      name,
      rows.filter((row) => row['org_id'] === orgId || row['id'] === orgId),
    ]),
  )

/** Every id and marked name in the rows of one organisation; this server and its keys serve all. */
function wordsOf(w: World, orgId: string): readonly string[] {
  const text = JSON.stringify([
    rowsOf(w, orgId),
    tablesOf(w)['audit_events']?.filter((e) => e['org_id'] === orgId),
  ])
  const found = text.match(/\b[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b|mark-of-\w\w/g) ?? []
  return [...new Set(found)].filter((word) => word !== w.serverId && !word.startsWith('key_'))
}

const answerText = async (w: World, asking: ReturnType<typeof everyCall>[number], as: Holder) => {
  const answer = await w.call(asking.operation, { ...asking.args }, as)
  return answer.ok ? { ...answer } : { refusal: answer.refusal.toError() }
}

describe.each(['second', 'first'] as const)('the administrator of the %s organisation', (which) => {
  test('is told of another’s things what it is told of nothing', async () => {
    const s = await scene()
    const { w } = s
    const mine = s[which]
    const theirs = which === 'first' ? s.second : s.first
    const kept = rowsOf(w, theirs.orgId)
    const foreign = everyCall(theirs.about)
    const unknown = everyCall(nothing)
    for (const [i, asking] of foreign.entries()) {
      const twin = unknown[i]
      if (twin === undefined) throw new Error('The tables differ.')
      if (JSON.stringify(asking.args) === JSON.stringify(twin.args)) continue
      const told = withoutNames(await answerText(w, asking, mine.admin), theirs.about)
      const expected = withoutNames(await answerText(w, twin, mine.admin), nothing)
      expect([asking.operation.name, asking.args, told]).toEqual([
        asking.operation.name,
        asking.args,
        expected,
      ])
    }
    for (const { operation } of unknown.filter(
      ({ operation: o }) => o.refusesActAs === undefined,
    )) {
      const act = (act_as: string) => ({ operation, args: { ...argsOf(operation.name), act_as } })
      const told = withoutNames(
        await answerText(w, act(theirs.about.grant), mine.admin),
        theirs.about,
      )
      const expected = withoutNames(await answerText(w, act(nothing.grant), mine.admin), nothing)
      expect([operation.name, told]).toEqual([operation.name, expected])
    }
    expect(rowsOf(w, theirs.orgId)).toEqual(kept)
  })

  test('sees no id, name or word of another in any answer, list or resource', async () => {
    const s = await scene()
    const { w } = s
    const mine = s[which]
    const theirs = which === 'first' ? s.second : s.first
    const words = wordsOf(w, theirs.orgId)
    expect(words.length).toBeGreaterThan(15)
    const kept = rowsOf(w, theirs.orgId)
    const harmless = everyCall(mine.about).filter(
      ({ operation: { effect, name } }) =>
        effect === 'read' || !/registration_credential|status|revoke|signing/.test(name),
    )
    const said: string[] = []
    for (const asking of harmless) {
      said.push(JSON.stringify(await answerText(w, asking, mine.admin)))
    }
    const surface = operationSurface(w.context, mine.admin.presented)
    const source = { meta: undefined }
    const { text } = await surface.readResource('remit://delegation-tree', source)
    said.push(text, JSON.stringify(await surface.listTools(source)))
    said.push(JSON.stringify(await w.result(queryAudit, { limit: 1000 }, mine.admin)))
    expect(said.length).toBeGreaterThan(operations.length)
    for (const word of words) {
      expect([word, said.filter((answer) => answer.includes(word))]).toEqual([word, []])
    }
    expect(rowsOf(w, theirs.orgId)).toEqual(kept)
  })
})

const argsOf = (name: string): object =>
  everyCall(nothing).find(({ operation }) => operation.name === name)?.args ?? {}

describe('what belongs to the first organisation', () => {
  test.each(['server_status', 'list_mcp_servers', 'rotate_signing_key', 'verify_audit'])(
    '%s is refused to the administrator of another',
    async (name) => {
      const { w, second } = await scene()
      const asking = everyCall(second.about).find(({ operation }) => operation.name === name)
      if (asking === undefined) throw new Error(name)
      const before = authorityIn(w)
      const refusal = await w.refusal(asking.operation, { ...asking.args }, second.admin)
      expect(refusal.code).toBe('insufficient_scope')
      expect(authorityIn(w)).toEqual(before)
      expect((await w.call(asking.operation, { ...asking.args }, w.admin)).ok).toBe(true)
    },
  )

  test('this server is neither rotated nor revoked by another', async () => {
    const { w, second } = await scene()
    for (const name of ['rotate_registration_credential', 'revoke_registration_credential']) {
      const operation = operations.find((each) => each.name === name)
      if (operation === undefined) throw new Error(name)
      for (const server of [w.serverId, 'remit']) {
        const args = { server, ...(name.startsWith('revoke') && { cause: 'test' }) }
        expect((await w.refusal(operation, args, second.admin)).code).toBe('not_found')
      }
    }
  })
})

test('a token of one organisation is nothing to the other', async () => {
  const { w, first, second } = await scene()
  const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900, delivery: 'meta' }
  const minted = await w.call(mintToken, asked, second.admin)
  const introspection = everyCall(first.about).find(
    ({ operation }) => operation.name === 'introspect_token',
  )
  if (introspection === undefined) throw new Error('introspect_token')
  const as = byToken(minted)
  const token = 'presentedToken' in as ? as.presentedToken : ''
  for (const args of [{ token }, { grant_id: grantIn(minted) }]) {
    expect(await w.result(introspection.operation, args, w.admin)).toEqual({ active: false })
  }
})
