// `tools/call` through the pipes of the built server, beside a server that does nothing but answer the same:
// same request, same result, same schemas.

import { makeHome, tokenIn } from './support/home.ts'
import { comparePair, perSecond } from './support/measure.ts'
import type { Connection, Line } from './support/stdio.ts'
import { connectRemit, echoOf } from './support/stdio.ts'

const calls = 1500

const home = await makeHome()
const mint = { scopes: ['demo:read'], ttl_seconds: 3600, delivery: 'meta' }
const token = tokenIn(await home.result('mint_token', mint, home.as.local))
const check = { name: 'check_permission', arguments: { permissions: ['demo/notes:read'] } }
const byToken = { ...check, _meta: { 'dev.remit/token': token } }

const remit = connectRemit(home)
const { tools } = await remit.open('tools/list')
await measure('by the environment', check)
await measure('by token', byToken)
await measure('by the environment', { name: 'whoami', arguments: {} })
remit.close()
await home.close()

async function measure(name: string, params: Line) {
  const result = await remit.request('tools/call', params)
  const echo = echoOf(home, 'echo', tools, result)()
  await echo.open('tools/list')
  for (const depth of [1, 32]) {
    const round = (server: Connection) => () =>
      perSecond(calls, () => server.flood(calls, depth, 'tools/call', params))
    await comparePair({
      name: `tools/call ${String(params['name'])} ${name}, ${depth} at a time`,
      unit: 'per second',
      ours: round(remit),
      other: { name: 'echo', round: round(echo) },
      aim: 0.85,
    })
  }
  echo.close()
}
