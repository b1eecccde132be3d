// Where the demo plays: a home of its own in the temporary folder, and real server processes on it, each
// driven by a real MCP client. All of it goes at the end, however that comes.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  getDefaultEnvironment,
  StdioClientTransport,
} from '@modelcontextprotocol/sdk/client/stdio.js'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BrokenPromise, holdsSecret, promised } from './promise.ts'

const run = promisify(execFile)

export type Fields = Readonly<Record<string, unknown>>

export interface Answer {
  readonly result: Fields
  readonly isError: boolean
  readonly meta: Fields
}

/** One server process and its client. */
export interface Connection {
  call(operation: string, args?: Fields, meta?: Record<string, unknown>): Promise<Answer>
  close(): Promise<void>
}

export type Stage = ReturnType<typeof setStage>

export function setStage(program: string) {
  const folder = mkdtempSync(join(tmpdir(), 'remit-demo-'))
  const home = join(folder, 'home')
  const ending = new AbortController()
  const open = new Set<{ readonly transport: StdioClientTransport; readonly client: Client }>()

  return {
    home,
    init: () => runRemit(program, ['init', '--json'], home, ending.signal),

    /** Starts `remit stdio` as whoever the credential file names; `at` is another home than its own. */
    async start(credentialFile: string, at = home): Promise<Connection> {
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [program, 'stdio'],
        env: { REMIT_HOME: at, REMIT_CREDENTIAL_FILE: credentialFile },
        stderr: 'pipe',
      })
      let said = ''
      transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const client = new Client({ name: 'remit-demo', version: '1' })
      const pair = { transport, client }
      open.add(pair)
      await client.connect(transport).catch((error: unknown) => {
        throw new BrokenPromise(`a server starts; it said\n${said.trim() || String(error)}`)
      })
      // From here on the client checks every answer against its tool's output schema.
      await client.listTools()
      return {
        call: async (operation, args = {}, meta) => {
          const answer = await client.callTool({
            name: operation,
            arguments: { ...args },
            ...(meta !== undefined && { _meta: meta }),
          })
          const read = JSON.stringify([answer.content, answer.structuredContent])
          promised(!holdsSecret(read), `nothing that a model reads from ${operation} is a secret`)
          return {
            result: { ...(answer.structuredContent as object) },
            isError: answer.isError === true,
            meta: answer._meta ?? {},
          }
        },
        close: async () => {
          await client.close()
          open.delete(pair)
        },
      }
    },

    /** Ends what still runs, each in its own time, then removes the home. */
    async strike(): Promise<void> {
      await Promise.allSettled([...open].map(({ client }) => client.close()))
      rmSync(folder, { recursive: true, force: true })
    },

    /** The same at once, for when nobody waits any more. */
    strikeNow(): void {
      ending.abort()
      for (const { transport } of open) if (transport.pid !== null) kill(transport.pid)
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Runs one command of `remit` that prints JSON; rejects with what it said where it fails. */
export async function runRemit(
  program: string,
  args: readonly string[],
  home: string,
  signal?: AbortSignal,
): Promise<Fields> {
  const env = { ...getDefaultEnvironment(), REMIT_HOME: home }
  const ending = signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }
  const { stdout } = await run(process.execPath, [program, ...args], { env, ...ending })
  return JSON.parse(stdout) as Fields
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}
