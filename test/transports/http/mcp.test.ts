// `/mcp` speaks both protocol eras, each request for itself: without a session, under its own credential, and
// by the short way exactly as by the SDK's.

import { describe, expect, test } from 'vitest'
import { queryAudit } from '../../../src/operations/query-audit.ts'
import { setAgentStatus } from '../../../src/operations/set-agent-status.ts'
import { minted } from '../../attacks/attack.ts'
import { bearer, overHttp } from '../../support/http.ts'
import { callTool, eras, outcomeOf, send } from '../../support/mcp-http.ts'
import { world } from '../../support/world.ts'

const issuerUrl = 'https://remit.example'
const metadata = `resource_metadata="${issuerUrl}/.well-known/oauth-protected-resource/mcp"`

describe.each(eras)('%s', (era) => {
  test('a tool is called without a session', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text, grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
    const answer = await callTool(http, era, 'whoami', {}, { id: 7, headers: bearer(text) })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        jsonrpc: '2.0',
        id: 7,
        result: { structuredContent: { method: 'token', grant: { id: grantId } } },
      },
    })
    expect(answer.headers.get('mcp-session-id')).toBeNull()
  })

  // A progress token makes a call less than plain, so that the SDK of its era answers it.
  test.each([
    ['an allowed call', 'list_permissions', {}],
    ['a denied check', 'check_permission', { permissions: ['demo:write'] }],
    ['a refused call', 'renew_token', { grant_id: 'grt_01h455vb4pex5vsknk084sn02q' }],
    ['a missing scope', 'list_mcp_servers', {}],
    ['an unknown tool', 'no_such_tool', {}],
    ['bad arguments', 'whoami', { loud: true }],
    ['no arguments at all', 'whoami', undefined],
  ])('%s is answered by the short way as by the SDK', async (_name, tool, args) => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
    const headers = bearer(text)
    const params = { name: tool, ...(args && { arguments: args }) }
    const asked = (meta: object) => send(http, era, 'tools/call', params, { headers, meta })
    const short = await asked({})
    const long = await asked({ progressToken: 1 })
    const told = ({ status, body, headers: sent }: typeof short) => ({
      status,
      challenge: sent.get('www-authenticate'),
      type: sent.get('content-type'),
      body: JSON.stringify(body).replaceAll(/evt_\w+/g, 'evt'),
      members: Object.keys(body).toSorted(),
    })
    expect({ ...told(short), body: JSON.parse(told(short).body) as unknown }).toEqual({
      ...told(long),
      body: JSON.parse(told(long).body) as unknown,
    })
  })

  test('a holder whose agent is suspended is told so in a result, as on stdio', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
    await w.result(setAgentStatus, { agent: 'local', status: 'suspended', cause: 'test' })
    const answer = await callTool(http, era, 'whoami', {}, { headers: bearer(text) })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        result: { isError: true, structuredContent: { error: { code: 'agent_suspended' } } },
      },
    })
  })

  test('whoever is not known gets 401 and is told where to ask, whatever is asked', async () => {
    const w = await world()
    const http = await overHttp(w, { issuerUrl })
    const asked: [string, Record<string, unknown>][] = [
      ['tools/call', { name: 'whoami', arguments: {} }],
      ['tools/list', {}],
      ['resources/list', {}],
      ['resources/read', { uri: 'remit://jwks' }],
      [era === 'legacy' ? 'initialize' : 'server/discover', {}],
      ['no/such', {}],
    ]
    for (const [method, params] of asked) {
      const nobody = await send(http, era, method, params)
      expect([method, ...outcomeOf(nobody)]).toEqual([method, 401, 'invalid_client'])
      expect(nobody.headers.get('www-authenticate')).toBe(`Bearer realm="remit", ${metadata}`)
      const dead = await send(http, era, method, params, { headers: bearer('x.y.z') })
      expect([method, ...outcomeOf(dead)]).toEqual([method, 401, 'invalid_token'])
      expect(dead.headers.get('www-authenticate')).toContain('error="invalid_token"')
      expect(dead.headers.get('www-authenticate')).toContain(metadata)
    }
  })

  test('a missing scope is 403, with all scopes that the call needs', async () => {
    const w = await world()
    const http = await overHttp(w, { issuerUrl })
    const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
    const headers = bearer(text)
    const answer = await callTool(http, era, 'list_mcp_servers', {}, { headers })
    expect(outcomeOf(answer)).toEqual([403, 'insufficient_scope'])
    const challenge = answer.headers.get('www-authenticate')
    expect(challenge).toMatch(/^Bearer .*error="insufficient_scope"/)
    expect(challenge).toContain('scope="servers:read"')
    expect(challenge).toContain(metadata)
    expect(answer.body).toMatchObject({ id: 1, result: { isError: true } })
  })

  test('a credential in _meta is known as one in the header is; both at once are refused', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
    const meta = { 'dev.remit/token': text }
    const called = async (sent: object) => outcomeOf(await callTool(http, era, 'whoami', {}, sent))
    expect([
      await called({ meta }),
      await called({
        meta: { 'dev.remit/agent_id': w.local.id, 'dev.remit/agent_secret': w.local.secret },
      }),
      await called({ meta: { 'dev.remit/token': '' } }),
      await called({ meta, headers: bearer(text) }),
      await called({ headers: { ...bearer(text), dpop: '' } }),
      await called({ headers: { authorization: 'Basic eDp5' } }),
      await called({ headers: { authorization: `DPoP ${text}` } }),
    ]).toEqual([
      [200, 'allowed'],
      [200, 'allowed'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
      [401, 'invalid_client'],
    ])
    const listed = await send(http, era, 'tools/list', {}, { meta, headers: bearer(text) })
    expect(outcomeOf(listed)).toEqual([401, 'invalid_client'])
  })

  test('what is listed is what the presented authority may call', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
    const names = async (sent: object) => {
      const { body } = await send(http, era, 'tools/list', {}, sent)
      return (body['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name)
    }
    expect(await names({ headers: bearer(text) })).not.toContain('mint_token')
    const secret = { 'dev.remit/agent_id': w.admin.id, 'dev.remit/agent_secret': w.admin.secret }
    expect(await names({ meta: secret })).toContain('register_agent')
    const garbage = { 'dev.remit/token': text, 'dev.remit/proof': 'garbage' }
    const refused = await send(http, era, 'tools/list', {}, { meta: garbage })
    expect(outcomeOf(refused)).toEqual([401, 'invalid_token'])
  })

  test('a first secret is claimed by its code alone', async () => {
    const w = await world()
    const http = await overHttp(w)
    const secret = { 'dev.remit/agent_id': w.admin.id, 'dev.remit/agent_secret': w.admin.secret }
    const made = await callTool(
      http,
      era,
      'register_agent',
      { name: 'n', description: 'd', owner: 'o', ceiling: ['demo:read'], delivery: 'handoff' },
      { meta: secret },
    )
    const { structuredContent } = made.body['result'] as {
      structuredContent: { delivery: { handoff: string } }
    }
    const { handoff } = structuredContent.delivery
    const claim = (code: string) =>
      callTool(
        http,
        era,
        'claim_handoff',
        { delivery: 'meta' },
        { meta: { 'dev.remit/handoff': code } },
      )
    expect(outcomeOf(await claim(handoff))).toEqual([200, 'allowed'])
    expect(outcomeOf(await claim(handoff))).toEqual([200, 'handoff_already_claimed'])
  })

  test('the trace of a request is in the audit: from its metadata, else from its header', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
    const [a, b] = ['a'.repeat(32), 'b'.repeat(32)]
    const traceparent = (id: string) => `00-${id}-0123456789abcdef-01`
    const headers = { ...bearer(text), traceparent: traceparent(a) }
    await callTool(http, era, 'list_mcp_servers', {}, { headers })
    await callTool(
      http,
      era,
      'list_mcp_servers',
      {},
      { headers, meta: { traceparent: traceparent(b) } },
    )
    await http.operation('list_mcp_servers', { _meta: { traceparent: traceparent(b) } }, text)
    await http.post('/operations/list_mcp_servers', {}, headers)
    const { events } = await w.result(queryAudit, { operation: 'list_mcp_servers' }, w.admin)
    const traces = (events as readonly { seq: number; trace_id?: string }[]).toSorted(
      (one, other) => one.seq - other.seq,
    )
    expect(traces.map(({ trace_id }) => trace_id)).toEqual([a, b, b, a])
  })
})

test('a notification is taken in without an answer, by whom is known', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const message = { jsonrpc: '2.0', method: 'notifications/initialized' }
  const accept = { accept: 'application/json, text/event-stream' }
  expect((await http.post('/mcp', message, accept)).status).toBe(401)
  expect((await http.post('/mcp', message, { ...accept, ...bearer(text) })).status).toBe(202)
})
