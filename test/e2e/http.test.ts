// `remit serve` as others meet it: real clients of both protocol eras over HTTP, a real server, a real store.
import { writeFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { certify } from '../support/certificates.ts'
import { shared } from '../support/shared.ts'
import { httpClients } from './clients.ts'
import { serveOver, tokenOf } from './http.ts'
import { admin, home, local, runMain } from './support.ts'
import type { Fields } from './support.ts'

const by = (token: string) => ({ authorization: `Bearer ${token}` })

const served = shared(async () => {
  const own = await home()
  const { url } = await serveOver(own)
  return { url, token: await tokenOf(own, ['demo:read', 'tokens:delegate'], local) }
})

describe.each(httpClients)('%s', (_name, connect) => {
  test('lists, delegates, acts down and is refused, for the token of each request', async () => {
    const { url, token } = served()
    const client = await connect(`${url}/mcp`, by(token))
    const names = (await client.list()).tools.map(({ name }) => name)
    expect(names).toContain('delegate_token')
    expect(names).not.toContain('register_agent')

    const child = await client.call('delegate_token', { scopes: ['demo:read'], delivery: 'meta' })
    expect(child).toMatchObject({ code: 'allowed', result: { depth: 1 } })
    const act_as = child.result['grant_id']
    const narrowed = await client.call('whoami', { act_as })
    expect(narrowed.result).toMatchObject({ method: 'token', grant: { id: act_as } })
    const denied = await client.call('check_permission', { permissions: ['demo:write'] })
    expect(denied.result).toMatchObject({ allowed: false })
    expect(await client.call('renew_token', { loud: true })).toMatchObject({
      code: 'invalid_request',
    })
    await expect(client.call('list_mcp_servers')).rejects.toThrow(/insufficient.scope/i)
    expect(await client.resources()).toEqual(['remit://jwks', 'remit://delegation-tree'])

    const other = await connect(`${url}/mcp`, by(String(child.meta['dev.remit/token'])))
    const [mine, theirs] = await Promise.all([client.call('whoami'), other.call('whoami')])
    expect((mine.result['grant'] as Fields)['depth']).toBe(0)
    expect((theirs.result['grant'] as Fields)['id']).toBe(act_as)
    await expect(connect(`${url}/mcp`, {})).rejects.toThrow(/./)
    await expect(connect(`${url}/mcp`, by('x.y.z'))).rejects.toThrow(/./)
  })
})

test('at SIGTERM what was begun is answered, and what was answered is kept', async () => {
  const own = await home()
  const server = await serveOver(own)
  const token = await tokenOf(own, ['demo:read', 'tokens:delegate'], local)
  const delegate = async (): Promise<string> => {
    const response = await fetch(`${server.url}/operations/delegate_token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...by(token) },
      body: JSON.stringify({ scopes: ['demo:read'] }),
    })
    return String(((await response.json()) as Fields)['grant_id'])
  }
  const first = await delegate()
  const more = Array.from({ length: 20 }, delegate)
  server.kill('SIGTERM')
  const settled = await Promise.allSettled(more)
  const answered = settled.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
  expect(await server.ended).toMatchObject({ code: 0 })
  for (const grantId of [first, ...answered]) {
    expect(own.first('select id from grants where id = ?', [grantId])).toBe(grantId)
  }
})

test('plain HTTP is served on the loopback alone, and the environment calls nobody', async () => {
  const own = await home()
  const open = await own.run(['serve'], { env: { REMIT_HTTP_HOST: '0.0.0.0' } })
  expect([open.code, open.err]).toEqual([2, expect.stringContaining('REMIT_TLS_CERT_FILE')])
  const half = await own.run(['serve'], { env: { REMIT_TLS_CERT_FILE: '/nowhere' } })
  expect([half.code, half.err]).toEqual([2, expect.stringContaining('REMIT_TLS_KEY_FILE')])
  const server = await serveOver(own, own.env(admin))
  expect(server.said.err).toContain('is not used')
  expect(server.said.err).toContain('OAuth is not offered')
  const response = await fetch(`${server.url}/operations/whoami`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  expect(response.status).toBe(401)
  expect((await fetch(`${server.url}/.well-known/oauth-authorization-server`)).status).toBe(404)
  const taken = await runMain(['serve'], {
    ...own.env(),
    REMIT_HTTP_PORT: new URL(server.url).port,
  })
  expect([taken.code, taken.err]).toEqual([1, expect.stringContaining('EADDRINUSE')])
})

test('a certificate is renewed at SIGHUP, and one that is none leaves the old', async () => {
  const own = await home()
  const [cert, key] = [own.file('tls.pem'), own.file('tls.key')]
  const now = Math.floor(Date.now() / 1000)
  const put = () => {
    const made = certify({ notBefore: now - 60, notAfter: now + 3600 })
    writeFileSync(cert, made.pem)
    const text = made.privateKey.export({ type: 'pkcs8', format: 'pem' })
    writeFileSync(key, text, { mode: 0o600 })
    return made.der.toString('hex')
  }
  const first = put()
  const server = await serveOver(own, { REMIT_TLS_CERT_FILE: cert, REMIT_TLS_KEY_FILE: key })
  const { port } = new URL(server.url)
  const shown = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls(
        { host: '127.0.0.1', port: Number(port), rejectUnauthorized: false },
        () => {
          resolve(socket.getPeerCertificate().raw.toString('hex'))
          socket.destroy()
        },
      ).once('error', reject)
    })
  const told = async (line: string) => {
    server.kill('SIGHUP')
    await expect.poll(() => server.said.err, { timeout: 60_000 }).toContain(line)
  }
  expect(await shown()).toBe(first)
  const second = put()
  expect(await shown()).toBe(first)
  await told('was read again')
  expect(await shown()).toBe(second)
  writeFileSync(cert, 'no certificate')
  await told('stays what it was')
  expect(await shown()).toBe(second)
  server.kill('SIGTERM')
  expect(await server.ended).toMatchObject({ code: 0 })
})
