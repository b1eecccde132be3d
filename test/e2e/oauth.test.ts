// MCP's client-credentials extension against the real server: the providers of both SDKs find the authorization
// server by themselves, get a token by secret or by key, and call tools at /mcp with it.
import { exportJWK, generateKeyPair } from 'jose'
import {
  Client as ModernClient,
  ClientCredentialsProvider as ModernBySecret,
  PrivateKeyJwtProvider as ModernByKey,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import {
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
} from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, onTestFinished, test } from 'vitest'
import { serveWith } from './http.ts'
import { admin, answerOf, bare, emptyHome, jsonFile, runMain } from './support.ts'

/** Nobody listens there: the clients are taken to where the server does. */
const issuer = 'http://127.0.0.1:8420'
const info = { name: 'test', version: '1' }

async function served() {
  const env = { ...bare, REMIT_HOME: emptyHome(), REMIT_ISSUER: issuer }
  const made = await runMain(['init', '--json'], env)
  expect(made.err).toBe('')
  const { url } = await serveWith(env)
  const there = (input: string | URL | Request, init?: RequestInit) =>
    fetch(String(input instanceof Request ? input.url : input).replace(issuer, url), init)
  const { agent_id: id, secret } = jsonFile(`${env.REMIT_HOME}/credentials/local.json`) as {
    agent_id: string
    secret: string
  }
  return { env, url, fetch: there, id, secret }
}

/** An agent that proves itself by a key, and the key. */
async function keyed(env: Readonly<Record<string, string>>) {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const public_jwk = await exportJWK(publicKey)
  const asked = {
    name: 'keyed',
    description: 'Proves itself by a key.',
    owner: 'tests',
    ceiling: ['demo:read'],
    auth_methods: ['client_assertion'],
    credential: { kind: 'public_key', public_jwk },
  }
  const { json } = await runMain(
    ['register-agent', '--json', '--input', '-'],
    { ...env, REMIT_CREDENTIAL_FILE: admin },
    JSON.stringify(asked),
  )
  return { id: String(json['agent_id']), privateKey: await exportJWK(privateKey) }
}

type Fetch = Awaited<ReturnType<typeof served>>['fetch']

/** Connects, and answers who one is then. */
async function nameBy(client: Client | ModernClient, authProvider: object, there: Fetch) {
  onTestFinished(() => client.close())
  const at = new URL(`${issuer}/mcp`)
  const options = { authProvider, fetch: there } as object
  const transport =
    client instanceof Client
      ? new StreamableHTTPClientTransport(at, options)
      : new ModernTransport(at, options)
  await client.connect(transport as never)
  const { result } = answerOf(await client.callTool({ name: 'whoami', arguments: {} }))
  return (result['agent'] as { name: string }).name
}

test('both SDKs connect to /mcp by secret and by key, and not by a wrong secret', async () => {
  const { env, fetch: there, id, secret } = await served()
  const key = await keyed(env)
  const common = { scope: 'demo:read', expectedIssuer: issuer }
  const bySecret = { clientId: id, clientSecret: secret, ...common }
  const byKey = { clientId: key.id, privateKey: key.privateKey, algorithm: 'EdDSA', ...common }
  const older = () => new Client(info)
  const newer = () => new ModernClient(info)
  expect(await nameBy(older(), new ClientCredentialsProvider(bySecret), there)).toBe('local')
  expect(await nameBy(older(), new PrivateKeyJwtProvider(byKey), there)).toBe('keyed')
  expect(await nameBy(newer(), new ModernBySecret(bySecret), there)).toBe('local')
  expect(await nameBy(newer(), new ModernByKey(byKey), there)).toBe('keyed')
  const wrong = new ClientCredentialsProvider({ ...bySecret, clientSecret: 'wrong' })
  await expect(nameBy(older(), wrong, there)).rejects.toThrow('could not be authenticated')
})
