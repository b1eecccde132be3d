// `remit bridge` between a real client and a real `remit serve`: no store, no token, nothing but the file of
// the agent's credential on the client's side.

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { clients } from './clients.ts'
import { freePort, serveHttp } from './http-server.ts'
import { bare, emptyHome, home, jsonFile, local, runMain, start } from './support.ts'
import type { Env } from './support.ts'

const tokenLike = /eyJ[\w-]+\.[\w-]+\.[\w-]+|rmt_[a-z]{3}_\w+/

/** A store whose issuer is the address that it will be served at. */
async function withOauth(): Promise<{ env: Env; port: number; url: string; credential: string }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const path = emptyHome()
  const env = { ...bare, REMIT_HOME: path, REMIT_ISSUER: url }
  const { code, err } = await runMain(['init'], env)
  if (code !== 0) throw new Error(`init failed: ${err}`)
  return { env, port, url, credential: join(path, local) }
}

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
      const { env, port, url, credential } = await withOauth()
      await serveHttp(env, port)
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
  const { env, port, url, credential } = await withOauth()
  await serveHttp(env, port)
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
  const { env, port, url, credential } = await withOauth()
  const first = await serveHttp(env, port)
  const [, connect] = clients[0] ?? []
  const client = await connect?.(elsewhere(credential), ['bridge', '--url', url])
  expect(await client?.call('whoami')).toMatchObject({ code: 'allowed' })
  first.kill('SIGKILL')
  await first.ended
  expect(await client?.call('whoami')).toMatchObject({ code: 'unavailable' })
  await serveHttp(env, port)
  expect(await client?.call('whoami')).toMatchObject({ code: 'allowed' })
})

test('a remote without OAuth is served with the credential itself', async () => {
  const own = await home()
  const { url } = await serveHttp(own.env())
  const [, connect] = clients[0] ?? []
  const client = await connect?.(elsewhere(own.file(local)), ['bridge', '--url', url])
  expect(await client?.call('whoami')).toMatchObject({ result: { method: 'secret' } })
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
