// Real servers: the built file, started as a host starts it, each in a home of its own. What a test
// starts here is ended with it, by its pid, and nothing else is.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { dropDatabase, isOnPostgres, newDatabase } from '../support/database.ts'
import { whenOver } from '../support/shared.ts'
import { copyFolder, temporaryFolder } from '../support/temporary.ts'
import { compiledOnce } from './compiled-once.ts'
import { databaseOf } from './past-the-server.ts'
import type { PastTheServer } from './past-the-server.ts'

export const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export type Fields = Record<string, unknown>
export type Env = Readonly<Record<string, string>>

export interface Ran {
  /** A number, or the signal that ended it. */
  readonly code: number | string
  readonly out: string
  readonly err: string
  /** What was printed, where that is JSON. */
  readonly json: Fields
}

export interface Home extends PastTheServer {
  /** Where the store is, if not in this folder. */
  readonly databaseUrl?: string
  readonly path: string
  readonly file: (name: string) => string
  readonly made: Made
  /** The variables of a process in this home: with a credential file of it, if one is named. */
  env(credential?: string): Env
  /** One command line of the real bin, as the administrator unless `env` says otherwise. */
  run(args: readonly string[], options?: { env?: Env; input?: string }): Promise<Ran>
  /** A new agent, which the administrator registers at a server, and what presents it there. */
  agent(at: Callable, name: string, ceiling: readonly string[]): Promise<Holder>
}

/** Whatever takes a call to a server of the home. */
interface Callable {
  call(name: string, args: Fields, meta: object): Promise<Pick<Answer, 'result' | 'meta'>>
}

export interface Made {
  /** Where it was made first. */
  readonly home: string
  readonly org_id: string
  readonly server_id: string
  readonly admin: { readonly agent_id: string }
  readonly local: { readonly agent_id: string }
}

const templates = mkdtempSync(join(tmpdir(), 'remit-e2e-'))
let template: Promise<Made> | undefined
const templateDatabase = isOnPostgres() ? `e2e_${randomBytes(8).toString('hex')}` : undefined
process.once('exit', () => {
  rmSync(templates, { recursive: true, force: true })
})

export interface Holder {
  readonly id: string
  readonly credentialId: string
  readonly meta: {
    readonly 'dev.remit/agent_id': string
    readonly 'dev.remit/agent_secret': string
  }
}

export const admin = 'credentials/admin.json'
export const local = 'credentials/local.json'

/** Nothing of the environment that runs the tests but what Node needs. */
export const bare: Env = { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' }

/** A home that nothing has been made in yet. */
export const emptyHome = (): string => join(temporaryFolder(), 'home')

/** A store as `remit init` makes it: made once for each worker of the tests, then copied. */
export async function home(path = emptyHome()): Promise<Home> {
  const made = await (template ??= makeTemplate())
  copyFolder(made.home, path)
  return homeAt(path, made, newDatabaseFrom(templateDatabase))
}

/** A store whose issuer is an address, as OAuth needs it; that is settled when it is made. */
export async function homeWithIssuer(issuer: string): Promise<Home> {
  const path = emptyHome()
  const database = newDatabaseFrom()
  const made = await makeStore(path, database, dirname(path), { REMIT_ISSUER: issuer })
  return homeAt(path, made, database)
}

/** What a folder is whose store is there already, in it or behind a URL. */
export function homeAt(path: string, made: Made, database?: string): Home {
  const env = (credential?: string): Env => ({
    ...bare,
    HOME: dirname(path),
    REMIT_HOME: path,
    ...behind(database, path),
    ...(credential !== undefined && { REMIT_CREDENTIAL_FILE: credential }),
  })
  const run: Home['run'] = (args, { env: more = {}, input } = {}) =>
    runMain(args, { ...env(), ...more }, input)
  return {
    path,
    file: (name) => join(path, name),
    made,
    ...(database !== undefined && { databaseUrl: database }),
    env,
    run,
    ...databaseOf(database, path),
    async agent(at, name, ceiling) {
      const text = { name, description: 'Tests.', owner: 'tests', ceiling, delivery: 'meta' }
      const { agent_id, secret } = jsonFile(join(path, admin))
      const by = { 'dev.remit/agent_id': agent_id, 'dev.remit/agent_secret': secret }
      const { result, meta } = await at.call('register_agent', text, by)
      const id = String(result['agent_id'])
      return {
        id,
        credentialId: String(result['credential_id']),
        meta: {
          'dev.remit/agent_id': id,
          'dev.remit/agent_secret': String(meta['dev.remit/secret']),
        },
      }
    },
  }
}

/** Strict, so that what one process did is known to the next call in another, as the tests ask. */
function behind(url: string | undefined, folder: string): Env {
  if (url === undefined) return {}
  const file = join(folder, 'database-url')
  if (!existsSync(file)) writeFileSync(file, url, { mode: 0o600 })
  return { REMIT_DATABASE_URL_FILE: file, REMIT_REVOCATION: 'strict' }
}

/** Empty, or a copy; ends with the test. */
function newDatabaseFrom(copied?: string): string | undefined {
  if (!isOnPostgres()) return undefined
  const name = `e2e_${randomBytes(8).toString('hex')}`
  whenOver(() => {
    dropDatabase(name)
  })
  return newDatabase(name, copied)
}

function makeTemplate(): Promise<Made> {
  const url = templateDatabase === undefined ? undefined : newDatabase(templateDatabase)
  return makeStore(join(templates, 'home'), url, templates)
}

/** By `remit init`; beside it a folder for what says where the database is. */
async function makeStore(at: string, url: string | undefined, beside: string, more: Env = {}) {
  const env = { ...bare, REMIT_HOME: at, ...behind(url, beside), ...more }
  const { code, err, json } = await runMain(['init', '--json'], env)
  if (code !== 0) throw new Error(`init failed: ${err}`)
  return { ...json, home: at } as Made
}

export const jsonFile = (path: string): Fields => JSON.parse(readFileSync(path, 'utf8')) as Fields

/** Runs the built file to its end. */
export async function runMain(args: readonly string[], env: Env, input = ''): Promise<Ran> {
  const child = start(args, env)
  child.stdin.end(input)
  return child.ended
}

/** The built file as a child with piped streams, all of which is kept. */
export function start(args: readonly string[], env: Env) {
  const child = spawn(process.execPath, [main, ...args], { env: { ...env } })
  // Whoever ends before it has read everything breaks the pipe; what it answered is what counts.
  child.stdin.on('error', () => undefined)
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (said.out += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (said.err += chunk))
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const { out, err } = said
      const json = { get: () => JSON.parse(out) as Fields }
      resolve(
        Object.defineProperty({ code: code ?? String(signal), out, err } as Ran, 'json', json),
      )
    })
  })
  whenOver(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return Object.assign(child, { said, ended })
}

export interface Answer {
  /** `allowed`, or the code of the refusal. */
  readonly code: string
  /** `structuredContent`, whole. */
  readonly result: Fields
  readonly meta: Fields
  readonly text: string
}

export interface Server {
  readonly client: Client
  readonly pid: number
  /** What it said on stderr so far. */
  readonly stderr: () => string
  call(name: string, args?: Fields, meta?: object): Promise<Answer>
  tools(meta?: object): Promise<string[]>
  /** Ends this process at once, wherever it is, and waits until it is gone. */
  kill(): Promise<void>
}

/** What runs the built file. */
export type Command = readonly [string, ...string[]]

/**
 * A server with a client of the older SDK, which checks every answer against its output schema; compiling
 * those takes longer than the server's start, so that tests of many processes leave them unchecked.
 */
export async function serve(
  env: Env,
  schemas: 'checked' | 'unchecked' = 'checked',
  [command, ...args]: Command = [process.execPath],
): Promise<Server> {
  const transport = new StdioClientTransport({
    command,
    args: [...args, main, 'stdio'],
    env: { ...env },
    stderr: 'pipe',
  })
  const complaints = collect(transport)
  const client = new Client({ name: 'test', version: '1' }, { jsonSchemaValidator: compiledOnce })
  const closed = new Promise<void>((resolve) => {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the client is no EventTarget
    client.onclose = resolve
  })
  whenOver(() => client.close())
  await client.connect(transport).catch((cause: unknown) => {
    throw new Error(`it does not serve: ${complaints.text}`, { cause })
  })
  if (schemas === 'checked') await client.listTools()
  const pid = transport.pid
  if (pid === null) throw new Error('the server has no process')
  return {
    client,
    pid,
    stderr: () => complaints.text,
    call: async (name, args = {}, meta = {}) =>
      answerOf(await client.callTool({ name, arguments: args, _meta: { ...meta } })),
    tools: async (meta = {}) => {
      const { tools } = await client.listTools({ _meta: { ...meta } })
      return tools.map((tool) => tool.name)
    },
    async kill() {
      process.kill(pid, 'SIGKILL')
      await closed
    },
  }
}

/** Keeps what a transport's process says on stderr. */
export function collect(transport: { readonly stderr: unknown }): { readonly text: string } {
  const kept = { text: '' }
  const stream = transport.stderr as NodeJS.ReadableStream | null
  stream?.on('data', (chunk: Buffer) => void (kept.text += String(chunk)))
  return kept
}

/** What any of the clients answered, in the words of the tests. */
export function answerOf(answered: object): Answer {
  const { isError, structuredContent, _meta, content } = answered as {
    isError?: boolean
    structuredContent: Fields
    _meta?: Fields
    content: { text: string }[]
  }
  const error = structuredContent['error'] as { code: string } | undefined
  if ((isError === true) !== (error !== undefined)) throw new Error('isError and error disagree')
  return {
    code: error?.code ?? 'allowed',
    result: structuredContent,
    meta: _meta ?? {},
    text: content[0]?.text ?? '',
  }
}
