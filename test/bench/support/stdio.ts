// A server at the other end of two pipes, spoken to in lines, with as little between as there can be: what
// is measured is the server.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtServer } from './home.ts'
import type { Home } from './home.ts'

export type Line = Readonly<Record<string, unknown>>

const echoServer = fileURLToPath(new URL('./echo-server.mjs', import.meta.url))

const opening: readonly Line[] = [
  {
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'bench', version: '1' },
    },
  },
  { method: 'notifications/initialized' },
]

export class Connection {
  readonly #child
  #id = 0
  #rest = ''
  #onLine: (line: string) => void = () => undefined

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#onLine(line)
    })
  }

  /** Opens as a host does and asks for one thing at once; settles with its result. */
  async open(method: string): Promise<Line> {
    const asked = { id: ++this.#id, method, params: {} }
    this.#child.stdin.write([...opening, asked].map(textOf).join(''))
    return this.#answer(asked.id)
  }

  async request(method: string, params: object): Promise<Line> {
    const id = ++this.#id
    this.#child.stdin.write(textOf({ id, method, params }))
    return this.#answer(id)
  }

  /** Sends `count` requests, `depth` of them unanswered at any time. */
  flood(count: number, depth: number, method: string, params: object): Promise<void> {
    const [before, after] = textOf({ id: '#', method, params }).split('"#"')
    let sent = 0
    let answered = 0
    const send = (many: number) => {
      const lines = Array.from({ length: many }, () => `${before}${++this.#id}${after}`)
      sent += many
      this.#child.stdin.write(lines.join(''))
    }
    return new Promise((resolve, reject) => {
      this.#onLine = (line) => {
        if (line.includes('"isError"') || line.includes('"error"')) reject(new Error(line))
        answered += 1
        if (answered === count) resolve()
        else if (sent < count) send(1)
      }
      send(Math.min(depth, count))
    })
  }

  /** Ends its input; it has ended when this settles. */
  close(): Promise<unknown> {
    const ended = once(this.#child, 'close')
    this.#child.stdin.end()
    return ended
  }

  #answer(id: number): Promise<Line> {
    return new Promise((resolve) => {
      this.#onLine = (line) => {
        const message = JSON.parse(line) as { id?: number; result?: Line }
        if (message.id === id) resolve(message.result ?? {})
      }
    })
  }
}

const textOf = (line: Line): string => `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`

export const connectRemit = ({ env, localFile }: Home): Connection =>
  new Connection([builtServer, 'stdio'], { ...env, REMIT_CREDENTIAL_FILE: localFile })

/** An echo of one tool result, under the tools that Remit lists. */
export function echoOf(home: Home, name: string, tools: unknown, result: Line): () => Connection {
  const file = join(home.home, `${name}.json`)
  writeFileSync(file, JSON.stringify({ tools, result }))
  return () => new Connection([echoServer, file])
}
