// `remit serve` under 32 connections: a check beside a bare node:http echo, and a tool call over `/mcp` beside
// the SDK's own Streamable HTTP that answers the same without asking anything.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeHome, tokenIn } from './support/home.ts'
import { load, postOf, serveEcho, serveRemit } from './support/http-load.ts'
import { comparePair, perSecond } from './support/measure.ts'

const connections = 32
const count = 8000

const home = await makeHome()
const tokens: string[] = []
for (let i = 0; i < connections; i++) {
  const minting = { scopes: ['demo/**:*'], delivery: 'meta', ttl_seconds: 3600 }
  tokens.push(tokenIn(await home.result('mint_token', minting, home.as.local)))
}
const asked = { permissions: ['demo/notes/today:read'] }
const call = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'check_permission', arguments: asked },
}
const accept = { accept: 'application/json, text/event-stream' }
const by = (token: string) => ({ authorization: `Bearer ${token}` })
const checks = tokens.map((token) => postOf('/operations/check_permission', asked, by(token)))
const calls = tokens.map((token) => postOf('/mcp', call, { ...accept, ...by(token) }))

const remit = await serveRemit(home)
const file = join(home.home, 'result.json')
writeFileSync(file, JSON.stringify(await resultOf()))
const bare = await serveEcho('bare')
const sdk = await serveEcho('mcp', file)

await comparePair({
  name: 'checks over HTTP, 32 connections',
  unit: 'per second',
  ours: () => perSecond(count, () => load(remit.port, checks, count)),
  other: {
    name: 'a bare node:http echo',
    round: () => perSecond(count, () => load(bare.port, checks, count)),
  },
  aim: 0.7,
})
await comparePair({
  name: 'tools/call over /mcp, 32 connections',
  unit: 'per second',
  ours: () => perSecond(count, () => load(remit.port, calls, count)),
  other: {
    name: 'the SDK’s Streamable HTTP echo',
    round: () => perSecond(count / 4, () => load(sdk.port, calls, count / 4)),
  },
  aim: 2,
})
for (const server of [remit, bare, sdk]) server.end()
await home.close()

/** What such a call answers, for the echo. */
async function resultOf(): Promise<object> {
  const answer = await fetch(`http://127.0.0.1:${remit.port}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...accept, ...by(tokens[0] ?? '') },
    body: JSON.stringify(call),
  })
  return ((await answer.json()) as { result: object }).result
}
