// OAuth's endpoints beside those of oidc-provider, each server in a process of its own, over 32 connections:
// minting, which here is durable and there in memory, and introspection.

import { readFileSync } from 'node:fs'
import { makeHome } from './support/home.ts'
import { formOf, load, serveOidc, serveRemit } from './support/http-load.ts'
import type { Served } from './support/http-load.ts'
import { comparePair, perSecond } from './support/measure.ts'

const connections = 32
const count = 4000

const home = await makeHome({ REMIT_ISSUER: 'http://127.0.0.1' })
const { agent_id = '', secret = '' } = JSON.parse(readFileSync(home.localFile, 'utf8')) as Record<
  string,
  string
>
const remit = await asked(await serveRemit(home), agent_id, secret, 'demo:read', '/introspect')
const oidc = await asked(await serveOidc(), 'client', 'secret', 'read', '/token/introspection')

await comparePair({
  name: `/token, client_credentials, durable, ${connections} connections`,
  unit: 'per second',
  ours: remit.mint,
  other: { name: 'oidc-provider, in memory', round: oidc.mint },
  aim: 2.5,
})
await comparePair({
  name: `/introspect, ${connections} connections`,
  unit: 'per second',
  ours: remit.introspect,
  other: { name: 'oidc-provider', round: oidc.introspect },
  aim: 4,
})
for (const { server } of [remit, oidc]) server.end()
await home.close()

/** What is asked of a server: tokens for one client, and to each connection about a token of its own. */
async function asked(server: Served, id: string, secret: string, scope: string, path: string) {
  const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
  const wanted = { grant_type: 'client_credentials', scope }
  const mints = Array.from({ length: connections }, () => formOf('/token', wanted, headers))
  const tokens: string[] = []
  while (tokens.length < connections) tokens.push(await mintOne())
  const introspections = tokens.map((token) => formOf(path, { token }, headers))
  const run = (requests: readonly string[]) => () =>
    perSecond(count, () => load(server.port, requests, count))
  return { server, mint: run(mints), introspect: run(introspections) }

  async function mintOne(): Promise<string> {
    const url = `http://127.0.0.1:${server.port}/token`
    const answer = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(wanted) })
    const { access_token } = (await answer.json()) as { readonly access_token?: string }
    if (access_token === undefined) throw new Error(`No token: ${answer.status}`)
    return access_token
  }
}
