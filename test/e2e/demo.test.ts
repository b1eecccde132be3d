// The demo, as a newcomer runs it: its whole story, its exit code, what it leaves and what it takes away.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { shared, whenOver } from '../support/shared.ts'
import { temporaryFolder } from '../support/temporary.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A folder that looks like the project, and a temporary folder of its own beside it. */
function place() {
  const folder = temporaryFolder()
  const tmp = temporaryFolder()
  symlinkSync(`${root}dist`, join(folder, 'dist'))
  symlinkSync(`${root}mcp.json`, join(folder, 'mcp.json'))
  return { folder, tmp }
}

/** Starts it piped; `said` grows as it goes. */
function demo({ folder, tmp }: ReturnType<typeof place>, more: Record<string, string> = {}) {
  const path = process.env['PATH'] ?? ''
  const env = { PATH: path, HOME: folder, TMPDIR: tmp, TERM: 'dumb', ...more }
  const child: ChildProcess = spawn(process.execPath, ['dist/main.js', 'demo'], {
    cwd: folder,
    env,
  })
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => void (said.out += chunk))
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => void (said.err += chunk))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  whenOver(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, said, ended }
}

/** What differs from run to run, made equal. */
const settled = (text: string): string =>
  text
    .replaceAll(/\b(srv|grt|crd)_…[0-9a-z]{4}/g, '$1_…')
    .replace(/\d+ events/, 'N events')
    .replace(/remit \d\S+ is/, 'remit V is')

const first = shared(async () => {
  const where = place()
  const { said, ended } = demo(where, { REMIT_HOME: 'elsewhere', REMIT_ACT_AS: 'required' })
  return { where, said, code: await ended }
})

test('it tells the whole story, plainly where nobody looks', async () => {
  const { where, said, code } = first()
  expect([code, said.err]).toEqual([0, ''])
  await expect(settled(said.out.split('\n10. ')[0] ?? '')).toMatchFileSnapshot('demo.story.txt')
  expect(said.out).toContain('✓ .remit holds a store of your own')
  expect(said.out).toContain('inspector --config mcp.json --server remit\n')
  expect(said.out).not.toContain('\u001B')
  expect(said.out).not.toMatch(/rmt_|eyJ|[a-z]{3}_[0-9a-z]{26}/)
  expect(readdirSync(where.tmp)).toEqual([])
  expect(readdirSync(where.folder).toSorted()).toEqual(['.remit', 'dist', 'mcp.json'])
})

test('what mcp.json starts works afterwards, and a second demo leaves it alone', async () => {
  const { where } = first()
  const file = join(where.folder, '.remit', 'credentials', 'local.json')
  const made = readFileSync(file, 'utf8')
  const again = demo(where)
  expect(await again.ended).toBe(0)
  expect(again.said.out).toContain('.remit holds a store already; it is left as it is')
  expect(readFileSync(file, 'utf8')).toBe(made)

  const { mcpServers } = JSON.parse(readFileSync(join(where.folder, 'mcp.json'), 'utf8')) as {
    mcpServers: { remit: { command: string; args: string[]; env: Record<string, string> } }
  }
  const client = new Client({ name: 'newcomer', version: '1' })
  onTestFinished(() => client.close())
  await client.connect(new StdioClientTransport({ ...mcpServers.remit, cwd: where.folder }))
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('delegate_token')
  const { structuredContent } = await client.callTool({ name: 'whoami', arguments: {} })
  expect(structuredContent).toMatchObject({
    agent: { name: 'local', status: 'active' },
    grant: { scopes: ['demo:*', 'tokens:delegate'] },
    warnings: [],
  })
})

test('it says what was not as promised, fails, and leaves nothing behind', async () => {
  const where = place()
  mkdirSync(join(where.folder, '.remit'), { mode: 0o700 })
  writeFileSync(join(where.folder, '.remit', 'registration.json'), '{}')
  const { said, ended } = demo(where)
  expect(await ended).toBe(1)
  expect(said.err).toMatch(
    /^remit: the demo did not go as promised: a store is made in \.remit; init said\n/,
  )
  expect(said.err).toContain('There is no store, but files of one')
  expect(readdirSync(where.tmp)).toEqual([])
})

test('a store that was there and cannot be used is named, and not touched', async () => {
  const where = place()
  mkdirSync(join(where.folder, '.remit'), { mode: 0o700 })
  writeFileSync(join(where.folder, '.remit', 'remit.db'), 'no database', { mode: 0o600 })
  const { said, ended } = demo(where)
  expect(await ended).toBe(1)
  expect(said.err).toMatch(/^remit: the demo did not go as promised: a server starts; it said\n/)
  expect(said.err).toMatch(/remit\.db cannot be read as a store/)
  expect(readFileSync(join(where.folder, '.remit', 'remit.db'), 'utf8')).toBe('no database')
  expect(readdirSync(where.tmp)).toEqual([])
})

test.runIf(existsSync('/proc/self/stat')).each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends it and all it started',
  async (signal) => {
    const where = place()
    const { child, said, ended } = demo(where)
    while (!said.out.includes('3. The administrator')) await after(5)
    const servers = childrenOf(child.pid)
    expect(servers).toHaveLength(1)
    child.kill(signal)
    expect(await ended).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(readdirSync(where.tmp)).toEqual([])
    expect(readdirSync(where.folder).toSorted()).toEqual(['dist', 'mcp.json'])
    await expect.poll(() => servers.filter(isRunning)).toEqual([])
  },
)

/** State and parent of a process; a zombie has ended, though nobody has taken note of it yet. */
function stateOf(pid: string): { readonly state: string; readonly parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

const isRunning = (pid: string): boolean => !'ZX'.includes(stateOf(pid)?.state ?? 'X')

const childrenOf = (pid: number | undefined): string[] =>
  readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && stateOf(name)?.parent === pid && isRunning(name),
  )
