// A world behind HTTP: the real door on a free port of the loopback, gone when the test ends.

import { onTestFinished } from 'vitest'
import type { Settings } from '../../src/authority/context.ts'
import type { HttpSettings } from '../../src/transports/http/door.ts'
import { serveHttp } from '../../src/transports/http/serve.ts'
import type { Patience } from '../../src/transports/http/serve.ts'
import type { World } from './world.ts'

export interface HttpWorld {
  readonly url: string
  stop(): Promise<void>
  /** Sends JSON; answers status, headers and the JSON that came back. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answered>
  /** Calls an operation with a token, or without anything. */
  operation(name: string, args?: object, token?: string): Promise<Answered>
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

interface HttpOptions {
  readonly issuerUrl?: string
  readonly http?: Partial<HttpSettings>
  readonly settings?: Partial<Settings>
  readonly patience?: Partial<Patience>
}

export const httpDefaults: HttpSettings = {
  host: '127.0.0.1',
  port: 0,
  allowedHosts: [],
  allowedOrigins: [],
  trustedProxies: [],
  perSource: 1_000_000,
  perCaller: 1_000_000,
  mostBodyBytes: 1024 * 1024,
  metrics: 'loopback',
}

export async function overHttp(w: World, options: HttpOptions = {}): Promise<HttpWorld> {
  const { issuerUrl, http, settings, patience } = options
  const context = await w.startProcess({ localFiles: false, ...settings })
  const serving = await serveHttp({
    context,
    settings: { ...httpDefaults, ...http },
    ...(issuerUrl !== undefined && { issuerUrl }),
    ...(patience !== undefined && { patience }),
  })
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= serving.stop())
  onTestFinished(stop)
  const { url } = serving
  const post: HttpWorld['post'] = async (path, body, headers = {}) =>
    answered(
      await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    )
  return {
    url,
    stop,
    post,
    operation: (name, args = {}, token) =>
      post(`/operations/${name}`, args, token === undefined ? {} : bearer(token)),
  }
}

export const bearer = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
})

async function answered(response: Response): Promise<Answered> {
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}
