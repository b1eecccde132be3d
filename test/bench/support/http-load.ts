// Many connections that each send a request as soon as the last was answered, with as little between as there
// can be: what is measured is the server.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { builtServer } from './home.ts'
import type { Home } from './home.ts'

export interface Served {
  readonly port: number
  end(): void
}

const echoServer = fileURLToPath(new URL('./http-echo-server.mjs', import.meta.url))

export const serveEcho = (kind: 'bare' | 'mcp', file?: string): Promise<Served> =>
  started([echoServer, kind, ...(file === undefined ? [] : [file])], {}, 'stdout', /^(\d+)$/m)

const oidcServer = fileURLToPath(new URL('./oidc-server.mjs', import.meta.url))

/** oidc-provider with one client, `client`, and its `secret`. */
export const serveOidc = (): Promise<Served> =>
  started([oidcServer], {}, 'stdout', /^http:\/\/127\.0\.0\.1:(\d+)$/m)

/** `remit serve` on the store of a home, with nothing held back. */
export const serveRemit = ({ env }: Home): Promise<Served> =>
  started(
    [builtServer, 'serve'],
    {
      ...env,
      REMIT_HTTP_PORT: '0',
      REMIT_HTTP_PER_SOURCE: '1000000',
      REMIT_HTTP_PER_CALLER: '1000000',
    },
    'stderr',
    /serving on http:\/\/127\.0\.0\.1:(\d+)/,
  )

function started(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  says: 'stdout' | 'stderr',
  where: RegExp,
): Promise<Served> {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env } })
  process.once('exit', () => void child.kill())
  return new Promise((resolve, reject) => {
    let said = ''
    child[says].setEncoding('utf8').on('data', (text: string) => {
      said += text
      const port = where.exec(said)?.[1]
      if (port !== undefined) resolve({ port: Number(port), end: () => void child.kill() })
    })
    child.once('exit', () => reject(new Error(`It does not serve: ${said}`)))
  })
}

/** Sends `count` requests over `requests.length` connections, each its own again and again. */
export async function load(port: number, requests: readonly string[], count: number) {
  let left = count
  await Promise.all(
    requests.map(async (request) => {
      const socket = connect(port, '127.0.0.1').setNoDelay()
      let answer = ''
      const send = () => {
        left -= 1
        answer = ''
        socket.write(request)
      }
      socket.setEncoding('latin1').on('data', (text: string) => {
        answer += text
        if (!isWhole(answer)) return
        if (!answer.startsWith('HTTP/1.1 200')) socket.destroy(new Error(answer))
        else if (left > 0) send()
        else socket.end()
      })
      send()
      await once(socket, 'close')
    }),
  )
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /content-length: (\d+)/i.exec(answer.slice(0, end))?.[1]
  return length === undefined
    ? answer.endsWith('0\r\n\r\n')
    : answer.length - end - 4 >= Number(length)
}

/** A POST of JSON as its bytes. */
export const postOf = (path: string, body: object, headers: Readonly<Record<string, string>>) =>
  requestOf(path, JSON.stringify(body), { 'content-type': 'application/json', ...headers })

/** A POST of a form as its bytes. */
export const formOf = (
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
) =>
  requestOf(path, new URLSearchParams(fields).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
    ...headers,
  })

function requestOf(path: string, text: string, headers: Readonly<Record<string, string>>): string {
  const all = {
    host: '127.0.0.1',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`
}
