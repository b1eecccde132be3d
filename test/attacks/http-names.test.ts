// Pages of strangers and names of strangers: a browser that was led here by rebinding a name, or that runs a
// page from elsewhere, gets nothing done.

import { describe, expect, test } from 'vitest'
import { overHttp } from '../support/http.ts'
import type { HttpWorld } from '../support/http.ts'
import { lines, rawTo, statusesIn } from '../support/raw-http.ts'
import { world } from '../support/world.ts'

/** The status with which `/healthz` is answered under these headers. */
async function statusOf({ url }: HttpWorld, ...headers: readonly string[]): Promise<number> {
  const raw = rawTo(url)
  raw.send(lines('GET /healthz HTTP/1.1', ...headers, 'Connection: close'))
  return statusesIn(await raw.closed())[0] ?? 0
}

describe('the Host of a request', () => {
  test('is one of the names of this server, whatever port stands there', async () => {
    const http = await overHttp(await world(), {
      issuerUrl: 'https://remit.example',
      http: { allowedHosts: ['other.example'] },
    })
    const wanted = {
      localhost: 200,
      'localhost:9': 200,
      LOCALHOST: 200,
      '127.0.0.1': 200,
      '[::1]:80': 200,
      'remit.example': 200,
      'other.example': 200,
      'evil.example': 403,
      'localhost.evil.example': 403,
      'localhost@evil.example': 403,
      'evil.example#localhost': 403,
      '127.0.0.1.evil.example': 403,
      'remit.example.': 403,
      'localhost:80:80': 403,
      'localhost,evil.example': 403,
      '': 403,
    }
    const answered: Record<string, number> = {}
    for (const host of Object.keys(wanted)) answered[host] = await statusOf(http, `Host: ${host}`)
    expect(answered).toEqual(wanted)
  })

  test('none at all, or two, are bad requests', async () => {
    const http = await overHttp(await world())
    expect(await statusOf(http)).toBe(400)
    expect(await statusOf(http, 'Host: localhost', 'Host: evil.example')).toBe(400)
    expect(await statusOf(http, 'Host: localhost', 'host: localhost')).toBe(400)
  })

  test('the host in an absolute target is not taken for it', async () => {
    const { url } = await overHttp(await world())
    const raw = rawTo(url)
    raw.send(
      lines('GET http://evil.example/healthz HTTP/1.1', 'Host: localhost', 'Connection: close'),
    )
    expect(statusesIn(await raw.closed())).toEqual([400])
  })
})

test('pages of strangers may not call, whatever their origin looks like', async () => {
  const http = await overHttp(await world(), {
    issuerUrl: 'https://remit.example',
    http: { allowedOrigins: ['https://app.example'] },
  })
  const wanted = {
    'http://localhost:6274': 200,
    'https://127.0.0.1': 200,
    'https://remit.example': 200,
    'https://app.example': 200,
    'http://remit.example': 403,
    'https://app.example:8443': 403,
    'https://evil.example': 403,
    'http://localhost.evil.example': 403,
    'http://localhost@evil.example': 403,
    'http://evil.example/localhost': 403,
    null: 403,
    '': 403,
  }
  const answered: Record<string, number> = {}
  for (const origin of Object.keys(wanted)) {
    answered[origin] = await statusOf(http, 'Host: localhost', `Origin: ${origin}`)
  }
  expect(answered).toEqual(wanted)
})

test('a browser is promised nothing: no page learns that it may read an answer', async () => {
  const http = await overHttp(await world())
  const asked = await fetch(`${http.url}/mcp`, {
    method: 'OPTIONS',
    headers: { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' },
  })
  expect([asked.status, asked.headers.get('allow')]).toEqual([405, 'POST'])
  expect(asked.headers.get('access-control-allow-origin')).toBeNull()
})

test('elsewhere than on the loopback, plain HTTP is for the trusted proxy alone', async () => {
  const host = '0.0.0.0'
  const local = { allowedHosts: ['127.0.0.1'] }
  const w = await world()
  const statusAt = async (trustedProxies: readonly string[]) => {
    const http = await overHttp(w, { http: { host, trustedProxies, ...local } })
    const port = new URL(http.url).port
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).status
  }
  expect([
    await statusAt(['10.0.0.0/8']),
    await statusAt(['127.0.0.1']),
    await statusAt(['10.1.2.3', '127.0.0.0/8']),
  ]).toEqual([403, 200, 200])
})
