// An agent's whole life by a private key and by a certificate, with the real bin, Node's TLS and openssl:
// registered, authenticated, rotated or renewed with calls in flight, revoked.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serveWith } from './http.ts'
import { home, serve } from './support.ts'
import type { Fields, Home } from './support.ts'

const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

const ran = async (own: Home, args: readonly string[], env = {}): Promise<Fields> => {
  const { code, json, err } = await own.run([...args, '--json'], { env })
  if (code !== 0) throw new Error(`${args.join(' ')}: ${err}`)
  return json
}

test('by a private key that never leaves it', async () => {
  const own = await home()
  const [first, second] = [own.file('first.json'), own.file('second.json')]
  const made = await ran(own, ['keygen', '--out', first, '--agent', 'local'])
  expect(statSync(first).mode & 0o777).toBe(0o600)
  const { private_jwk } = JSON.parse(readFileSync(first, 'utf8')) as { private_jwk: { d: string } }
  expect(JSON.stringify(made)).not.toContain(private_jwk.d)
  expect(readFileSync(own.file('checkpoints.jsonl'), 'utf8')).not.toContain(private_jwk.d)

  const by = (file: string) => ({ REMIT_CREDENTIAL_FILE: file })
  const method = async (file: string) => (await ran(own, ['whoami'], by(file)))['method']
  expect(await method(first)).toBe('client_assertion')
  const again = await own.run(['keygen', '--out', first])
  expect([again.code, again.err]).toEqual([6, expect.stringContaining('never written over')])

  const id = String(made['credential_id'])
  const during = [method(first), method(first)]
  await ran(own, ['keygen', '--out', second, '--alg', 'ES256', '--rotate', id], by(first))
  expect(await Promise.all(during)).toEqual(['client_assertion', 'client_assertion'])
  expect(await Promise.all([first, second].map(method))).toEqual([
    'client_assertion',
    'client_assertion',
  ])
  await ran(own, ['revoke-credential', '--credential-id', id, '--cause', 'retired'])
  expect((await own.run(['whoami'], { env: by(first) })).code).toBe(4)
  expect(await method(second)).toBe('client_assertion')
})

test('by an API key, its scopes and its end, through an MCP client that is not ours', async () => {
  const own = await home()
  const remit = await serve(own.env('credentials/admin.json'), 'unchecked')
  const asked = { agent: 'local', kind: 'api_key', delivery: 'meta' }
  const added = async (more: Fields) => {
    const { code, result, meta } = await remit.call('add_credential', { ...asked, ...more })
    return { code, id: String(result['credential_id']), key: String(meta['dev.remit/secret']) }
  }
  const scopes = ['demo:read']
  expect((await added({ scopes })).code).toBe('invalid_request')
  expect((await added({ expires_at: 'never' })).code).toBe('invalid_request')
  const { id, key } = await added({ scopes, expires_at: 'never' })
  const by = (each: string) => ({ 'dev.remit/api_key': each })
  const may = async (permission: string, meta: Fields) => {
    const { code, result } = await remit.call(
      'check_permission',
      { permissions: [permission] },
      meta,
    )
    return code === 'allowed' ? result['allowed'] : code
  }
  expect(await may('demo:read', by(key))).toBe(true)
  const rotated = await remit.call(
    'rotate_credential',
    { overlap_seconds: 3600, delivery: 'meta' },
    by(key),
  )
  const next = String(rotated.meta['dev.remit/secret'])
  const listed = await remit.call('list_credentials', { agent: 'local' })
  expect(listed.result['credentials']).toContainEqual(
    expect.objectContaining({ rotated_from: id, expires_at: 'never' }),
  )

  const revoke = { credential_id: id, cause: 'over' }
  const attempts: readonly (readonly [string, Fields, string, unknown])[] = [
    ['the successor', by(next), 'demo:read', true],
    ['the old one, while they overlap', by(key), 'demo:read', true],
    ['more than its scopes', by(next), 'demo:write', false],
    ['one that differs', by(`${next.slice(0, -1)}x`), 'demo:read', 'invalid_client'],
    ['an empty one', by(''), 'demo:read', 'invalid_client'],
    [
      'beside an agent id',
      { ...by(next), 'dev.remit/agent_id': own.made.local.agent_id },
      'demo:read',
      'invalid_client',
    ],
    ['as a token', { 'dev.remit/token': next }, 'demo:read', 'wrong_credential_class'],
  ]
  for (const [what, meta, permission, expected] of attempts) {
    expect([what, await may(permission, meta)]).toEqual([what, expected])
  }
  await remit.call('revoke_credential', revoke)
  expect([await may('demo:read', by(key)), await may('demo:read', by(next))]).toEqual([
    'invalid_client',
    true,
  ])
  await remit.call('update_agent', { agent: 'local', sensitivity: 'high' })
  expect(await may('demo:read', by(next))).toBe('invalid_client')
})

test('by a key that was made without a store, and with one that is sealed to', async () => {
  const own = await home()
  const [agent, file] = [own.made.local.agent_id, own.file('mine.json')]
  const nowhere = { ...own.env(), REMIT_HOME: own.file('no-store') }
  const made = await ran(own, ['keygen', '--out', file, '--encryption'], nowhere)
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { readonly d: string }>
  for (const { d } of Object.values(kept)) expect(JSON.stringify(made)).not.toContain(d)

  const { operation, arguments: args } = made['register'] as {
    operation: string
    arguments: Fields
  }
  const input = JSON.stringify({ ...args, agent })
  expect(operation).toBe('add_credential')
  expect((await own.run(['add-credential', '--input', '-'], { input })).code).toBe(0)
  const by = {
    REMIT_AGENT_ID: agent,
    REMIT_PRIVATE_KEY_FILE: file,
    REMIT_CREDENTIAL_FILE: undefined,
  }
  expect((await ran(own, ['whoami'], by))['method']).toBe('client_assertion')

  const asked = ['delegate-token', '--to', 'local', '--scopes', 'demo:read', '--delivery', 'sealed']
  const { delivery } = (await ran(own, asked)) as { delivery?: { readonly jwe: string } }
  const jwks = own.file('jwks.json')
  writeFileSync(jwks, (await own.run(['keys', 'jwks'])).out)
  const { grant } = (await ran(own, ['whoami'])) as { grant?: { readonly audience: string[] } }
  const from = ['--key', file, '--jwks', jwks, '--issuer', String(grant?.audience[0])]
  const opening = ['open', ...from, '--agent', agent, '--stdout']
  const { out, code } = await own.run(opening, { input: String(delivery?.jwe) })
  expect([code, out.split('.').length]).toEqual([0, 3])
})

test('by certificates of the embedded authority', async () => {
  const own = await home()
  await ran(own, ['ca', 'init'])
  const issued = async (more: readonly string[], out: string) => {
    const json = await ran(own, ['ca', ...more, '--agent', 'local', '--out', own.file(out)])
    const read = (name: string) => readFileSync(String(json[name]), 'utf8')
    return { json, cert: read('certificate_file'), key: read('key_file') }
  }
  const first = await issued(['issue'], 'one')
  const id = String(first.json['credential_id'])
  const ca = own.file('ca')
  const certificate = String(first.json['certificate_file'])
  const check = ['-CAfile', join(ca, 'ca.pem'), '-CRLfile', join(ca, 'crl.pem'), '-crl_check']
  expect(openssl('verify', ...check, '-purpose', 'sslclient', certificate)).toContain('OK')
  expect(readdirSync(ca).toSorted()).toEqual(['ca.key', 'ca.pem', 'crl.pem', 'index.json'])

  const call = await serving(own)
  expect(await call(first)).toEqual([200, 'x509'])
  expect(await call()).toEqual([401, undefined])

  const before = [call(first), call(first), call(first)]
  const renewed = await issued(['renew', '--credential', id], 'two')
  const both = [call(first), call(renewed), call(first), call(renewed)]
  for (const answer of await Promise.all([...before, ...both]))
    expect(answer).toEqual([200, 'x509'])

  await ran(own, ['ca', 'revoke', '--serial', String(first.json['serial'])])
  expect(await call(first)).toEqual([401, undefined])
  expect(await call(renewed)).toEqual([200, 'x509'])
  const { events } = await ran(own, [
    'query-audit',
    '--operation',
    'whoami',
    '--outcome',
    'refused',
  ])
  expect(events).toContainEqual(
    expect.objectContaining({ detail: expect.objectContaining({ reason: 'certificate_revoked' }) }),
  )
  await ran(own, ['revoke-credential', '--credential-id', id, '--cause', 'over'])
  expect(await call(renewed)).toEqual([401, undefined])
})

interface Client {
  readonly cert: string
  readonly key: string
}

/** `remit serve` behind TLS by a certificate that openssl made; answers status and method of `whoami`. */
async function serving(own: Home) {
  const [cert, key] = [own.file('tls.pem'), own.file('tls.key')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  openssl('req', '-x509', ...curve, '-keyout', key, '-out', cert, ...names)
  const env = {
    ...own.env(),
    REMIT_TLS_CERT_FILE: cert,
    REMIT_TLS_KEY_FILE: key,
    REMIT_TLS_CLIENT_CERTIFICATES: 'requested',
  }
  const { url } = await serveWith(env)
  const ca = readFileSync(cert)
  return (client?: Client): Promise<[number | undefined, unknown]> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const options = { method: 'POST', headers, ca, agent: false, ...client }
      const asking = request(`${url}/operations/whoami`, options, (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () =>
          resolve([answer.statusCode, (JSON.parse(text) as { method?: unknown }).method]),
        )
      })
      asking.on('error', reject).end('{}')
    })
}
