// Does anything that was handed out, or that Remit was made with, turn up where it does not belong (law
// 6)? Every operation is called with every kind of delivery; then everything is searched: what was
// answered, logged and recorded, every column of every table, and every byte of every file.

import { decodeProtectedHeader } from 'jose'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Context, DeliveryKind } from '../../src/authority/context.ts'
import { deliveryKinds } from '../../src/authority/context.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { inputSchemaOf } from '../../src/operations/index.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import type { ToolResult } from '../../src/transports/surface.ts'
import { isOnPostgres } from '../support/database.ts'
import { everyCall, nothing } from '../support/every-operation.ts'
import type { About } from '../support/every-operation.ts'
import { byToken, filesBelow, tablesOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'

const secretPattern = /rmt_(?:sec|key|reg|hof|tok|srv)_[0-9A-Za-z]{49}/g
const jwtPattern = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g

interface Said {
  readonly what: string
  readonly text: string
}

/** A world that remembers all it said, and every secret that it ever let out. */
async function listening(delivery: readonly DeliveryKind[]) {
  const w = await world({ settings: { delivery } })
  const said: Said[] = []
  const secrets = new Set([w.admin.secret, w.local.secret, w.registration.secret])
  const log: Context['log'] = {
    warn: (fields, message) =>
      void said.push({ what: 'log', text: JSON.stringify([fields, message]) }),
    error: (fields, message) =>
      void said.push({ what: 'log', text: JSON.stringify([fields, message]) }),
  }
  return { w, context: { ...w.context, log }, said, secrets }
}

type Listening = Awaited<ReturnType<typeof listening>>

/** Takes in one result: what a model would see is said, what it would not is a secret to look for. */
function take({ said, secrets }: Listening, what: string, result: ToolResult): void {
  const { _meta, ...seen } = result
  for (const value of Object.values(_meta ?? {})) secrets.add(String(value))
  const { delivery } = result.structuredContent as { delivery?: Record<string, string> }
  const { handoff, path, token, secret } = delivery ?? {}
  for (const each of [token, secret]) if (each !== undefined) secrets.add(each)
  if (path !== undefined) {
    const text = readFileSync(path, 'utf8')
    for (const [found] of text.matchAll(secretPattern)) secrets.add(found)
    for (const [found] of text.matchAll(jwtPattern)) secrets.add(found)
  }
  // A handoff code is meant to be passed on; it stands in its own field and nowhere else.
  const text = JSON.stringify(seen)
  said.push({ what, text: handoff === undefined ? text : text.replaceAll(handoff, '') })
  if (handoff !== undefined) secrets.add(handoff)
}

/** A new agent with a grant of its own, for one call to be about. */
async function subject({ w, secrets }: Listening): Promise<About & { readonly by: Presented }> {
  const agent = await w.addAgent(`subject-${secrets.size}`, 'demo:* tokens:* credentials:*')
  secrets.add(agent.secret)
  const asked = { scopes: ['demo:read'], grant_ttl_seconds: 3600 }
  const grant = await w.result(mintToken, asked, agent)
  return {
    agent: agent.id,
    agentName: agent.name,
    grant: grant.grant_id,
    token: grant.token_id,
    instance: grant.instance_id ?? '',
    credential: agent.credentialId,
    server: w.serverId,
    serverName: 'remit',
    by: agent.presented,
  }
}

const source = { meta: undefined }
const claims = ['meta', 'file', 'inline'] as const

/** Calls every operation in every way, with every delivery and none; claims what is handed over. */
async function callEverything(
  l: Listening,
  caller: Presented | 'subject',
  deliveries: readonly DeliveryKind[] = [],
) {
  const ways = everyCall(nothing).flatMap(({ operation }, i) => {
    const takes = Object.hasOwn(inputSchemaOf(operation).shape, 'delivery')
    const kinds = takes ? [undefined, ...deliveries] : [undefined]
    return kinds.map((delivery) => ({ operation, i, delivery }))
  })
  const shared = await subject(l)
  for (const [n, { operation, i, delivery }] of ways.entries()) {
    if (operation.name === 'revoke_registration_credential') continue
    const about = operation.effect === 'read' ? shared : await subject(l)
    const surface = operationSurface(l.context, caller === 'subject' ? about.by : caller)
    const given = {
      ...everyCall(about)[i]?.args,
      ...(operation.name === 'register_agent' && { name: `made-${l.secrets.size}` }),
      ...(delivery !== undefined && { delivery }),
    }
    const result = await surface.callTool(operation.name, given, source)
    take(l, `${operation.name} ${String(delivery)}`, result)
    const { delivery: handed } = result.structuredContent as { delivery?: { handoff?: string } }
    if (handed?.handoff === undefined) continue
    const claim = { handoff: handed.handoff, delivery: claims[n % claims.length] }
    for (const by of [about.by, caller === 'subject' ? about.by : caller]) {
      const door = operationSurface(l.context, by)
      take(l, 'claim', await door.callTool('claim_handoff', claim, source))
    }
  }
}

/** Everything else there is to read, and one call that holds every secret there is. */
async function readEverything(l: Listening, caller: Presented) {
  const surface = operationSurface(l.context, caller)
  const { agent } = await subject(l)
  take(l, 'wrong', await surface.callTool('mint_token', { scopes: [...l.secrets] }, source))
  for (const uri of ['remit://jwks', 'remit://delegation-tree', `remit://agents/${agent}`]) {
    const text = await surface.readResource(uri, source).then(
      (read) => read.text,
      (error: unknown) => JSON.stringify(error) + String(error),
    )
    l.said.push({ what: uri, text })
  }
  l.said.push({ what: 'tools', text: JSON.stringify(await surface.listTools(source)) })
}

const hidden: readonly DeliveryKind[] = ['handle', 'meta', 'file', 'handoff']

async function everythingCalled(): Promise<Listening> {
  const l = await listening(hidden)
  const { admin, local } = l.w
  const asked = { scopes: ['demo:read', 'tokens:delegate'], ttl_seconds: 3600, delivery: 'meta' }
  const presented: Presented[] = []
  for (const uses of [undefined, 500]) {
    const limit = uses === undefined ? {} : { uses }
    const by = byToken(await l.w.call(mintToken, { ...asked, ...limit }, local))
    if (by.kind === 'token') l.secrets.add(by.presentedToken)
    presented.push(by)
  }
  const stranger: Presented = { kind: 'secret', agentId: admin.id, presentedSecret: 'wrong' }
  await callEverything(l, 'subject', deliveryKinds)
  await callEverything(l, admin.presented, deliveryKinds)
  for (const caller of [...presented, stranger]) await callEverything(l, caller)
  for (const caller of [admin.presented, ...presented, stranger]) await readEverything(l, caller)
  await l.context.audit.flush()
  return l
}

/** A statement about who proved itself is for everyone to see, and by its type no token. */
const isStatement = (jwt: string): boolean =>
  decodeProtectedHeader(jwt).typ === 'remit-authentication+jwt'

const holdsOne = ({ text }: Said): boolean =>
  text.search(secretPattern) !== -1 ||
  (text.match(jwtPattern) ?? []).some((jwt) => !isStatement(jwt))

const secretsIn = (text: string): readonly string[] =>
  [...text.matchAll(secretPattern), ...text.matchAll(jwtPattern)].map(([found]) => found)

const long = { timeout: 120_000 }

test('no secret or token stands anywhere but where it was handed out', long, async () => {
  const { w, said, secrets } = await everythingCalled()
  expect(secrets.size).toBeGreaterThan(100)
  expect(said.length).toBeGreaterThan(300)
  expect(said.filter(holdsOne).map(({ what }) => what)).toEqual([])

  const { audit_checkpoints: _, ...tables } = tablesOf(w)
  const kept = JSON.stringify(tables)
  expect(Object.keys(tables).length).toBeGreaterThan(15)
  expect(secretsIn(kept)).toEqual([])

  const files = Object.entries(filesBelow(w.home))
  const elsewhere = files.filter(([path]) => !path.startsWith('deliveries/'))
  expect(elsewhere.some(([path]) => path === 'remit.db')).toBe(!isOnPostgres())
  const places = [
    ...elsewhere,
    ['tables', kept] as const,
    ['answers', JSON.stringify(said)] as const,
  ]
  for (const secret of [...secrets, w.registration.private_jwk.d]) {
    const found = places.filter(([, text]) => text.includes(secret)).map(([path]) => path)
    expect(found).toEqual([])
  }
  for (const { sealedPrivate } of w.context.live.signingKeys.values()) {
    expect(said.filter(({ text }) => text.includes(sealedPrivate))).toEqual([])
  }

  const held = files
    .filter(([path]) => path.startsWith('deliveries/'))
    .map(([, text]) => secretsIn(text))
  expect(held.length).toBeGreaterThan(5)
  expect(held.filter((found) => found.length !== 1)).toEqual([])
  expect(new Set(held.flat()).size).toBe(held.length)
})

test('this search finds what inline delivery shows', long, async () => {
  const l = await listening([...hidden, 'inline'])
  for (const caller of ['subject', l.w.admin.presented] as const) {
    await callEverything(l, caller, ['handoff', 'inline'])
  }
  const shown = l.said.filter(holdsOne)
  expect(new Set(shown.map(({ what }) => what))).toEqual(
    new Set([
      'mint_token inline',
      'renew_token inline',
      'delegate_token inline',
      'register_agent inline',
      'add_credential inline',
      'rotate_credential inline',
      'issue_registration_credential inline',
      'rotate_registration_credential inline',
      'claim',
    ]),
  )
})
