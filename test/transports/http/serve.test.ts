// The server around the routes: it says whether it lives and can serve, counts, speaks TLS, and stops without
// breaking off what it has taken in.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { revokeRegistrationCredential } from '../../../src/operations/revoke-registration-credential.ts'
import { setAgentStatus } from '../../../src/operations/set-agent-status.ts'
import { minted } from '../../attacks/attack.ts'
import { bearer, overHttp } from '../../support/http.ts'
import { eras, send } from '../../support/mcp-http.ts'
import { lines, rawTo, statusesIn } from '../../support/raw-http.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { world } from '../../support/world.ts'

const get = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}

test('alive and ready are two things: readiness names what fails, and no more', async () => {
  const w = await world()
  const http = await overHttp(w)
  const states = async () => [await get(`${http.url}/healthz`), await get(`${http.url}/readyz`)]
  const alive = { status: 200, text: '{"status":"ok"}' }
  expect(await states()).toEqual([alive, { status: 200, text: '{"status":"ready"}' }])
  const failing = '{"status":"not ready","failed":["clock"]}'
  w.pass(3600)
  await w.result(setAgentStatus, {
    agent: 'local',
    status: 'suspended',
    cause: 'c',
  })
  w.pass(-3600)
  expect(await states()).toEqual([alive, { status: 503, text: failing }])
})

test('a server whose registration was revoked is not ready, and answers 503', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  await w.result(revokeRegistrationCredential, { server: 'remit', cause: 'c' })
  const ready = await get(`${http.url}/readyz`)
  expect([ready.status, JSON.parse(ready.text)]).toEqual([
    503,
    { status: 'not ready', failed: ['registration'] },
  ])
  const answer = await http.operation('whoami', {}, text)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
})

test('the metrics count by names of ours, hold no secret, and are for this machine', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { allowedHosts: ['remit.example'] } })
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  await http.operation('whoami', {}, text)
  for (const era of eras) {
    await send(
      http,
      era,
      'tools/call',
      { name: 'whoami', arguments: {} },
      { headers: bearer(text) },
    )
  }
  await http.operation('list_mcp_servers', {}, text)
  await fetch(`${http.url}/${'x'.repeat(200)}`, { method: 'PURGE' })
  await vi.waitFor(async () => {
    const { text: counted } = await get(`${http.url}/metrics`)
    expect(counted).toContain(
      'remit_http_requests_total{route="/operations",method="POST",status="403"} 1',
    )
    expect(counted).toContain(
      'remit_http_requests_total{route="other",method="other",status="404"} 1',
    )
    expect(counted).toContain('remit_operations_total{operation="whoami",code="allowed"} 3')
    expect(counted).toContain('remit_http_request_seconds_count{route="/operations"} 2')
    for (const word of [text, w.local.id, 'xxx', 'PURGE']) expect(counted).not.toContain(word)
  })
  const raw = rawTo(http.url)
  raw.send(lines('GET /metrics HTTP/1.1', 'Host: remit.example', 'Connection: close'))
  expect(statusesIn(await raw.closed())).toEqual([404])
  for (const passedOn of ['x-forwarded-for', 'forwarded']) {
    const { status } = await fetch(`${http.url}/metrics`, { headers: { [passedOn]: '::1' } })
    expect(status).toBe(404)
  }
})

test('told to stop, it answers what it has taken in, takes in nothing more, and ends', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read', 'tokens:delegate'] })
  const body = JSON.stringify({ scopes: ['demo:read'] })
  const raw = rawTo(http.url)
  const idle = rawTo(http.url)
  idle.send(lines('GET /healthz HTTP/1.1', 'Host: localhost'))
  await idle.until('"ok"')
  raw.send(
    lines(
      'POST /operations/delegate_token HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      `Authorization: ${bearer(text)['authorization'] ?? ''}`,
      'Expect: 100-continue',
    ),
  )
  // The request has arrived, its body has not.
  await raw.until('100 Continue')
  const stopped = http.stop()
  await idle.closed()
  await expect(fetch(`${http.url}/healthz`)).rejects.toThrow(/fetch failed/)
  raw.send(body)
  const answered = await raw.closed()
  expect(statusesIn(answered)).toEqual([100, 200])
  expect(answered).toMatch(/connection: close/i)
  await stopped
})

test('what does not end in time is cut off', async () => {
  const w = await world()
  const http = await overHttp(w, { patience: { drain: 50 } })
  const raw = rawTo(http.url)
  raw.send(
    lines('POST /mcp HTTP/1.1', 'Host: localhost', 'Content-Length: 5', 'Expect: 100-continue'),
  )
  await raw.until('100 Continue')
  await http.stop()
  expect(statusesIn(await raw.closed())).toEqual([100])
})

test('over TLS, plain HTTP is not understood, and a client certificate is handed on', async () => {
  const folder = temporaryFolder()
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const asked = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost`
  execFileSync('openssl', [...asked.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const [certText, keyText] = [readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')]
  const w = await world()
  const tls = { cert: certText, key: keyText, clientCertificates: true }
  const http = await overHttp(w, { http: { tls } })
  expect(http.url).toMatch(/^https:/)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const whoami = (more: object) =>
    new Promise<string>((resolve, reject) => {
      const { port } = new URL(http.url)
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          ca: certText,
          servername: 'localhost',
          method: 'POST',
          path: '/operations/whoami',
          headers: { 'content-type': 'application/json' },
          ...more,
        },
        (answer) => {
          let all = ''
          answer.setEncoding('utf8').on('data', (chunk: string) => void (all += chunk))
          const challenge = answer.headers['www-authenticate']
          answer.on('end', () => resolve(`${answer.statusCode} ${challenge} ${all}`))
        },
      )
      asked.on('error', reject).end('{}')
    })
  const headers = { 'content-type': 'application/json', ...bearer(text) }
  expect(await whoami({ headers })).toMatch(/^200 .*"method":"token"/)
  expect(await whoami({})).toMatch(/^401 .*"invalid_client"/)
  // Nobody named it, but it was presented: something is wrong with it.
  expect(await whoami({})).not.toContain('error="invalid_token"')
  expect(await whoami({ cert: certText, key: keyText })).toMatch(/^401 .*error="invalid_token"/)
  const raw = rawTo(http.url.replace('https:', 'http:'))
  raw.send(lines('GET /healthz HTTP/1.1', 'Host: localhost'))
  expect(statusesIn(await raw.closed())).not.toContain(200)
})
