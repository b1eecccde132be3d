// A world with OAuth's doors open: its issuer is the very address that it listens on.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { listenerFor } from '../../src/transports/http/listener.ts'
import { doorFor } from '../../src/transports/http/serve.ts'
import { httpDefaults } from './http.ts'
import type { Answered } from './http.ts'
import { world } from './world.ts'
import type { Holder, WorldOptions } from './world.ts'

export type Form = Record<string, string | readonly string[]>

export const exchangeType = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

export type OAuthWorld = Awaited<ReturnType<typeof oauthWorld>>

/** `path` is the issuer's own, below the address. */
export async function oauthWorld(options: WorldOptions & { readonly path?: string } = {}) {
  const server = createServer()
  const address = await listening(server)
  const issuer = `${address}${options.path ?? ''}`
  const w = await world({ ...options, issuer })
  const context = await w.startProcess({ localFiles: false, ...options.settings })
  const { door } = doorFor({ context, settings: httpDefaults, issuerUrl: issuer })
  const listener = listenerFor(door)
  server.on('request', (incoming, outgoing) => void listener(incoming, outgoing))

  const send = async (path: string, init: RequestInit): Promise<Answered> =>
    answered(await fetch(`${address}${path}`, init))
  const form = (path: string, parameters: Form, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', body: encoded(parameters), headers })
  const as = (holder: Holder) => ({ client_id: holder.id, client_secret: holder.secret })
  const token = (holder: Holder, parameters: Form) =>
    form('/token', { ...as(holder), ...parameters })

  return {
    w,
    /** The process behind the doors. */
    context,
    issuer,
    address,
    send,
    form,
    as,
    token,
    /** A token by `client_credentials`. */
    minted: async (holder: Holder, scope: string, more: Form = {}): Promise<string> =>
      tokenIn(await token(holder, { grant_type: 'client_credentials', scope, ...more })),
    exchange: (holder: Holder, subject: string, scope: string, more: Form = {}) =>
      token(holder, {
        grant_type: exchangeType,
        subject_token: subject,
        subject_token_type: accessToken,
        scope,
        ...more,
      }),
    introspect: async (holder: Holder, text: string) =>
      (await form('/introspect', { ...as(holder), token: text })).body,
    revoke: (holder: Holder, text: string) => form('/revoke', { ...as(holder), token: text }),
  }
}

export function tokenIn({ status, body }: Answered): string {
  const text = body['access_token']
  if (status === 200 && typeof text === 'string') return text
  throw new Error(`No token: ${status} ${JSON.stringify(body)}`)
}

/** The same secret with another end. */
export const altered = (secret: string): string =>
  `${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}`

/** What an answer comes to: its status and its error, if it has one. */
export const errorOf = ({ status, body }: Answered): string => `${status} ${body['error'] ?? ''}`

export const basic = (id: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

const encoded = (parameters: Form): URLSearchParams =>
  new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      [value].flat().map((each) => [name, each] as [string, string]),
    ),
  )

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function answered(response: Response): Promise<Answered> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : {}) as Record<string, unknown>,
  }
}
