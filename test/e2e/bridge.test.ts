// `remit bridge` between a real client and a real `remit serve`: no store, no token, nothing but the file of
// the agent's credential on the client's side.

import { createPrivateKey } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { shared } from '../support/shared.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { clients } from './clients.ts'
import { proxyTo, serveWith } from './http.ts'
import { bare, emptyHome, home, jsonFile, local, runMain, start } from './support.ts'
import type { Env } from './support.ts'

const tokenLike = /eyJ[\w-]+\.[\w-]+\.[\w-]+|rmt_[a-z]{3}_\w+/

/** A store whose issuer is an address that leads to wherever it is served. */
async function withOauth() {
  let served = 'http://127.0.0.1:1'
  const url = await proxyTo(() => served)
  const path = emptyHome()
  const env = { ...bare, REMIT_HOME: path, REMIT_ISSUER: url }
  const { code, err } = await runMain(['init'], env)
  if (code !== 0) throw new Error(`init failed: ${err}`)
  const serve = async () => {
    const child = await serveWith(env)
    served = child.url
    return child
  }
  return { env, url, serve, credential: join(path, local) }
}

const remote = shared(async () => {
  const made = await withOauth()
  await made.serve()
  return made
})

const withoutOauth = shared(async () => {
  const own = await home()
  return { own, url: (await serveWith(own.env())).url }
})

/** The host's machine: a folder with the credential file and nothing else. */
function elsewhere(credential: string): Env {
  const folder = temporaryFolder()
  copyFileSync(credential, join(folder, 'agent.json'))
  return { ...bare, HOME: folder, REMIT_HOME: folder, REMIT_CREDENTIAL_FILE: 'agent.json' }
}

describe.each(clients.filter(([name]) => !name.endsWith('legacy') && !name.endsWith('auto')))(
  '%s',
  (_name, connect) => {
    test('works through it as with a server of its own', async () => {
      const { url, credential } = remote()
      const client = await connect(elsewhere(credential), ['bridge', '--url', url])
      const who = await client.call('whoami')
      expect(who).toMatchObject({ code: 'allowed', result: { method: 'token' }, meta: {} })
      const { tools } = await client.list()
      expect(tools.map(({ name }) => name)).toContain('delegate_token')
      expect(await client.resources()).toEqual(['remit://jwks', 'remit://delegation-tree'])
      expect(await client.templates()).toEqual(['remit://agents/{id}'])
      const tree = await client.read('remit://delegation-tree')
      expect(tree.mimeType).toBe('application/json')
      const child = await client.call('delegate_token', { scopes: ['demo/a:read'] })
      const asChild = { 'dev.remit/act_as': child.result['grant_id'] }
      const may = { permissions: ['demo/a:read', 'demo/b:read'] }
      const { result } = await client.call('check_permission', may, asChild)
      expect(result).toMatchObject({ results: [{ allowed: true }, { allowed: false }] })
      expect(await client.call('delegate_token', { scopes: ['tokens:read'] })).toMatchObject({
        code: 'exceeds_parent',
      })
      expect(client.stderr()).toBe('')
    })
  },
)

test('nothing that it writes holds a secret or a token, whatever is asked', async () => {
  const { url, credential } = remote()
  const bridge = start(['bridge', '--url', url], elsewhere(credential))
  const ask = (id: number, name: string, args: object, meta?: object) => {
    const params = { name, arguments: args, ...(meta && { _meta: meta }) }
    bridge.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`)
  }
  const hello = {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  }
  const line = { jsonrpc: '2.0', id: 0, method: 'initialize', params: hello }
  bridge.stdin.write(`${JSON.stringify(line)}\n`)
  bridge.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
  ask(1, 'whoami', {})
  ask(2, 'delegate_token', { scopes: ['demo:read'] })
  ask(3, 'delegate_token', { scopes: ['demo:read'], delivery: 'meta' })
  ask(4, 'rotate_credential', { delivery: 'meta' })
  ask(5, 'add_credential', { agent: 'local', kind: 'secret', delivery: 'inline' })
  // Nothing can be taken back once it has begun; a call that was cancelled disturbs no other.
  ask(6, 'whoami', {})
  const cancelled = { method: 'notifications/cancelled', params: { requestId: 6 } }
  bridge.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...cancelled })}\n`)
  ask(7, 'list_permissions', {})
  bridge.stdin.end()
  const { code, out, err } = await bridge.ended
  const answered = out
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as { id: number })
  expect(answered.map(({ id }) => id).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect({
    code,
    found: tokenLike.exec(out + err),
    secret: secretIn(credential, out + err),
  }).toEqual({ code: 0, found: null, secret: false })
})

const secretIn = (credential: string, text: string): boolean =>
  text.includes(String(jsonFile(credential)['secret']))

test('it outlives the remote’s absence', async () => {
  const { url, serve, credential } = await withOauth()
  const first = await serve()
  const [, connect] = clients[0] ?? []
  const client = await connect?.(elsewhere(credential), ['bridge', '--url', url])
  expect(await client?.call('whoami')).toMatchObject({ code: 'allowed' })
  first.kill('SIGKILL')
  await first.ended
  expect(await client?.call('whoami')).toMatchObject({ code: 'unavailable' })
  await serve()
  expect(await client?.call('whoami')).toMatchObject({ code: 'allowed' })
})

test('a remote without OAuth is served with the credential itself', async () => {
  const { own, url } = withoutOauth()
  const [, connect] = clients[0] ?? []
  const client = await connect?.(elsewhere(own.file(local)), ['bridge', '--url', url])
  expect(await client?.call('whoami')).toMatchObject({ result: { method: 'secret' } })
})

test('a key that is made where no store is, is registered by the remote and proves its agent there', async () => {
  const { env, url, credential } = remote()
  const far = elsewhere(credential)
  const file = join(temporaryFolder(), 'key.json')
  const keygen = (...more: readonly string[]) => runMain(['keygen', '--url', url, ...more], far)
  expect((await keygen('--out', file)).code).toBe(2)
  const foreign = await keygen('--out', file, '--agent', 'admin')
  expect([foreign.code, foreign.err]).toEqual([5, expect.not.stringContaining('secret')])
  const mine = join(temporaryFolder(), 'key.json')
  const { code, json } = await keygen('--out', mine, '--agent', 'local', '--json')
  expect([code, json['agent_id']]).toEqual([0, jsonFile(credential)['agent_id']])
  const [, connect] = clients[0] ?? []
  const client = await connect?.(elsewhere(mine), ['bridge', '--url', url])
  expect(await client?.call('whoami')).toMatchObject({ code: 'allowed' })
  // And by that key its successor, which is asked of the very issuer that it signs for.
  const next = join(temporaryFolder(), 'key.json')
  const rotate = ['keygen', '--url', url, '--out', next, '--rotate', String(json['credential_id'])]
  expect((await runMain(rotate, { ...elsewhere(mine), REMIT_ISSUER: url })).code).toBe(0)
  const listed = await runMain(['list-credentials', '--agent', 'local', '--json'], env)
  expect(listed.json['credentials']).toContainEqual(
    expect.objectContaining({ rotated_from: json['credential_id'], status: 'active' }),
  )
})

describe('with a private key that stays on the host’s side', () => {
  const keyFor = async (env: Env): Promise<string> => {
    const file = join(temporaryFolder(), 'key.json')
    const { code, err } = await runMain(['keygen', '--out', file, '--agent', 'local'], env)
    if (code !== 0) throw new Error(`keygen failed: ${err}`)
    return file
  }
  const byVariables = (file: string): Env => {
    const folder = temporaryFolder()
    const { agent_id: id, private_jwk: jwk } = jsonFile(file)
    const key = join(folder, 'key.pem')
    const pem = createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
    writeFileSync(key, pem.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    const named = { REMIT_AGENT_ID: String(id), REMIT_PRIVATE_KEY_FILE: key }
    return { ...bare, HOME: folder, REMIT_HOME: folder, ...named }
  }
  const [, connect] = clients[0] ?? []

  test('it gets tokens by private_key_jwt', async () => {
    const { env, url, serve } = await withOauth()
    const file = await keyFor(env)
    await serve()
    for (const side of [elsewhere(file), byVariables(file)]) {
      const client = await connect?.(side, ['bridge', '--url', url])
      const [who, child] = await Promise.all([
        client?.call('whoami'),
        client?.call('delegate_token', { scopes: ['demo/a:read'] }),
      ])
      expect(who).toMatchObject({ code: 'allowed', result: { method: 'token' }, meta: {} })
      expect(child).toMatchObject({ code: 'allowed' })
    }
    const asked = ['query-audit', '--operation', 'mint_token', '--json']
    const { json } = await runMain(asked, env)
    const methods = (json['events'] as { presented?: { method: string } }[]).map(
      ({ presented }) => presented?.method,
    )
    expect(methods).toEqual(['client_assertion', 'client_assertion'])
  })

  test('it signs for each request where the remote offers no OAuth', async () => {
    const { own, url } = withoutOauth()
    const file = await keyFor(own.env())
    const issuer = String(own.first(`select value from store_facts where name = 'issuer'`))
    const side = { ...byVariables(file), REMIT_ISSUER: issuer }
    const client = await connect?.(side, ['bridge', '--url', url])
    const answers = await Promise.all([1, 2, 3].map(() => client?.call('whoami')))
    for (const answer of answers)
      expect(answer).toMatchObject({ code: 'allowed', result: { method: 'client_assertion' } })
    const untold = connect?.(byVariables(file), ['bridge', '--url', url])
    await expect(untold).rejects.toThrow('The bridge cannot sign')
  })
})

test.each<[string, readonly string[], Env, string]>([
  ['no address', [], {}, "required option '--url"],
  ['plain http to elsewhere', ['--url', 'http://remit.example'], {}, 'is plain http'],
  [
    'certificates that nobody verifies',
    ['--url', 'https://remit.example'],
    { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    'NODE_TLS_REJECT_UNAUTHORIZED=0 would send the credential to anybody',
  ],
  [
    'two credentials',
    ['--url', 'https://remit.example'],
    { REMIT_CREDENTIAL_FILE: 'a.json', REMIT_API_KEY_FILE: 'b' },
    'REMIT_CREDENTIAL_FILE, REMIT_API_KEY_FILE',
  ],
])('it does not start with %s', async (_, args, more, said) => {
  const { code, out, err } = await runMain(['bridge', ...args], { ...bare, ...more })
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(said)
})
