// The real `remit serve` on a free port of the loopback, and a proxy in front of it: one that adds a token, as
// a gateway would for clients that can send none, or one whose address is known before the server's is.

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { whenOver } from '../support/shared.ts'
import { start } from './support.ts'
import type { Env, Home } from './support.ts'

/** Nothing held back: these tests are not about rates. */
const unhurried = {
  REMIT_HTTP_PER_SOURCE: '1000000',
  REMIT_HTTP_PER_CALLER: '1000000',
}

export const serveOver = (home: Home, env: Env = {}) =>
  serveWith({ ...home.env(), ...unhurried, ...env })

/** Started, and where it says it serves. */
export async function serveWith(env: Env) {
  const child = start(['serve'], { REMIT_HTTP_PORT: '0', ...env })
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', () => {
      const said = /serving on (\S+)/.exec(child.said.err)?.[1]
      if (said !== undefined) resolve(said)
    })
    child.on('close', () => reject(new Error(`it does not serve: ${child.said.err}`)))
  })
  return Object.assign(child, { url })
}

/** A token of one of the home's agents, as a file would hold it. */
export async function tokenOf(
  home: Home,
  scopes: readonly string[],
  credential?: string,
): Promise<string> {
  const flags = scopes.flatMap((scope) => ['--scopes', scope])
  const minting = ['mint-token', ...flags, '--ttl-seconds', '3600', '--delivery', 'meta', '--json']
  const { json, err } = await home.run(
    minting,
    credential === undefined ? {} : { env: home.env(credential) },
  )
  const token = (json['_meta'] as { 'dev.remit/token'?: string } | undefined)?.['dev.remit/token']
  if (token === undefined) throw new Error(`mint-token failed: ${err}`)
  return token
}

/** The address of a proxy that passes everything on as it is, with the token added. */
export const proxyWith = (token: string, url: string): Promise<string> =>
  proxyTo(() => url, { authorization: `Bearer ${token}` })

/** The address of a proxy to wherever that is when something comes. */
export async function proxyTo(target: () => string, added: Env = {}): Promise<string> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const { hostname, port } = new URL(target())
    const passed = request(
      { hostname, port, method, path, headers: { ...headers, ...added } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        answer.pipe(outgoing)
      },
    )
    passed.on('error', () => void outgoing.destroy())
    incoming.pipe(passed)
  })
  whenOver(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}
