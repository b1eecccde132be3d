// Too much from one source or with one credential is 429, and nobody else is made to pay for it.

import { expect, test } from 'vitest'
import { bearer, overHttp } from '../support/http.ts'
import type { HttpWorld } from '../support/http.ts'
import { world } from '../support/world.ts'
import { minted } from './attack.ts'

/** Sends until one is refused; at most many times what is allowed. */
async function untilRefused(http: HttpWorld, headers: Record<string, string>, body = {}) {
  for (let i = 0; i < 200; i++) {
    const answer = await http.post('/operations/whoami', body, headers)
    if (answer.status === 429) return answer
  }
  return undefined
}

test('one source is told to come back later', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { perSource: 1 } })
  const refused = await untilRefused(http, {})
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'rate_limited' } } })
  expect(refused?.headers.get('retry-after')).toBe('1')
})

test('behind a trusted proxy the source is whom the proxy saw, whatever else is claimed', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { perSource: 1, trustedProxies: ['127.0.0.1'] } })
  const from = (address: string) => ({ 'x-forwarded-for': address })
  expect((await untilRefused(http, from('203.0.113.1')))?.status).toBe(429)
  const claimed = await http.post('/operations/whoami', {}, from('198.51.100.7, 203.0.113.1'))
  expect(claimed.status).toBe(429)
  expect((await http.post('/operations/whoami', {}, from('203.0.113.2'))).status).toBe(401)
})

test('whom the operator did not name as a proxy cannot choose where it comes from', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { perSource: 1 } })
  let i = 0
  const forged = () => ({ 'x-forwarded-for': `203.0.113.${i++ % 250}` })
  let refused = 0
  for (let n = 0; n < 20; n++) {
    if ((await http.post('/operations/whoami', {}, forged())).status === 429) refused += 1
  }
  expect(refused).toBeGreaterThan(0)
})

test('one credential has its own measure, in the header or in the metadata', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { perCaller: 1 } })
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const other = await minted(w, w.admin, { scopes: ['agents:read'] })
  expect((await untilRefused(http, bearer(text)))?.status).toBe(429)
  expect((await http.operation('whoami', {}, other.text)).status).toBe(200)
  const _meta = { 'dev.remit/agent_id': w.local.id, 'dev.remit/agent_secret': w.local.secret }
  expect((await untilRefused(http, {}, { _meta }))?.status).toBe(429)
})

test('whoever only knows a name cannot use up what its holder has', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { perCaller: 1 } })
  const meta = { 'dev.remit/agent_id': w.local.id, 'dev.remit/agent_secret': 'guess' }
  await untilRefused(http, {}, { _meta: meta })
  const _meta = { ...meta, 'dev.remit/agent_secret': w.local.secret }
  expect((await http.post('/operations/whoami', { _meta })).status).toBe(200)
})
