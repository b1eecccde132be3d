// Runs the stdio transport over two in-memory pipes, in this process, against the fake surface.
import { PassThrough } from 'node:stream'
import { serveStdio } from '../../src/transports/stdio/serve.ts'
import type { FakeSurface } from './fake-surface.ts'
import { createFakeSurface } from './fake-surface.ts'

export interface Reply {
  readonly jsonrpc: string
  readonly id: string | number | null
  readonly result?: Record<string, unknown>
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

export interface Running {
  readonly surface: FakeSurface
  readonly stdin: PassThrough
  readonly stdout: PassThrough
  /** What was logged, as the log got it. */
  readonly logged: string[]
  /** Settles when serving has ended. */
  readonly ended: Promise<void>
  write(...lines: (string | Buffer | object)[]): void
  /** The answers so far, once there are `count`; reading the output starts here. */
  replies(count: number): Promise<Reply[]>
  /** Ends the input and gives all answers. */
  finish(): Promise<Reply[]>
}

export function start(): Running {
  const surface = createFakeSurface()
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const logged: string[] = []
  const error = (detail: object, message: string) =>
    void logged.push(`${message} ${JSON.stringify(detail)}`)
  const ended = serveStdio({ surface, stdin, stdout, log: { error } })

  let text = ''
  let look = () => {}
  const all = () => text.split('\n').slice(0, -1)
  const read = () => {
    if (stdout.listenerCount('data') > 0) return
    stdout.on('data', (chunk) => {
      text += String(chunk)
      look()
    })
  }
  const parsed = () => all().map((line) => JSON.parse(line) as Reply)
  return {
    surface,
    stdin,
    stdout,
    logged,
    ended,
    write(...lines) {
      for (const line of lines) {
        const raw = typeof line === 'string' || Buffer.isBuffer(line)
        stdin.write(raw ? line : `${JSON.stringify(line)}\n`)
      }
    },
    replies(count) {
      read()
      return new Promise((resolve) => {
        look = () => {
          if (all().length >= count) resolve(parsed())
        }
        look()
      })
    },
    async finish() {
      read()
      stdin.end()
      await ended
      return parsed()
    },
  }
}

export type EraName = 'legacy' | 'modern'
export const eras: readonly EraName[] = ['legacy', 'modern']

export const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export const initialize = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}

/** A request as a client of that era writes it. */
export function request(
  era: EraName,
  id: string | number,
  method: string,
  params: Record<string, unknown> = {},
): object {
  const meta = params._meta as object | undefined
  const whole = era === 'modern' ? { ...params, _meta: { ...envelope, ...meta } } : params
  return { jsonrpc: '2.0', id, method, params: whole }
}

export const call = (era: EraName, id: string | number, name: string, args: object = {}): object =>
  request(era, id, 'tools/call', { name, arguments: args })

/** The first message of an era; it has the id `init`. */
export const opening = (era: EraName): object =>
  era === 'legacy' ? initialize : request('modern', 'init', 'server/discover')
