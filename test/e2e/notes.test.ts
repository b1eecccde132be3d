// A second, real server: somebody else's notes, protected by `remit-mcp/verify` as it is packed, serving an
// orchestrator and two sub-agents. What is revoked at Remit is refused there, without a call home per request.

import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { serveWith } from './http.ts'
import { admin, bare, home } from './support.ts'
import type { Fields, Holder } from './support.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A folder in which the notes server finds the packages that it may use, and no other. */
function folderWithPackages(): string {
  const folder = temporaryFolder()
  const packages = join(folder, 'node_modules')
  mkdirSync(packages)
  for (const name of ['@modelcontextprotocol', 'zod']) {
    symlinkSync(join(root, 'node_modules', name), join(packages, name))
  }
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ files }] = JSON.parse(listed) as [{ files: { path: string }[] }]
  for (const { path } of files.filter(({ path }) => !path.endsWith('main.js'))) {
    const place = join(packages, 'remit-mcp', path)
    mkdirSync(dirname(place), { recursive: true })
    cpSync(join(root, path), place)
  }
  cpSync(join(root, 'test/notes/server.mjs'), join(folder, 'server.mjs'))
  return folder
}

/** The first line that matches what a process prints. */
async function said(read: () => string, pattern: RegExp): Promise<string> {
  await expect.poll(read, { timeout: 60_000 }).toMatch(pattern)
  return pattern.exec(read())?.[1] ?? ''
}

/** Stands before Remit and notes what is asked of it. */
async function counting(target: string) {
  const asked: string[] = []
  const proxy = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${(incoming.url ?? '').split('?')[0]}`)
    const headers = { ...incoming.headers, host: new URL(target).host }
    const to = httpRequest(`${target}${incoming.url}`, { method: incoming.method, headers })
    to.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(to)
  })
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { asked, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

async function notesServer(env: Record<string, string>): Promise<string> {
  const cwd = folderWithPackages()
  const child = spawn(process.execPath, ['server.mjs'], { cwd, env: { ...bare, ...env } })
  const out = { text: '' }
  child.stdout.on('data', (chunk: Buffer) => void (out.text += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => void (out.text += String(chunk)))
  onTestFinished(() => void child.kill('SIGKILL'))
  return said(() => out.text, /(http:\/\/127\.0\.0\.1:\d+\/mcp)/)
}

/** A client of the notes server that sends its token as any OAuth client does. */
async function clientOf(url: string, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  const client = new Client({ name: 'test', version: '1' })
  onTestFinished(() => client.close())
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  await client.connect(transport as Parameters<Client['connect']>[0])
  const call = async (name: string, args: Fields = {}) => {
    const { structuredContent, content } = await client.callTool({ name, arguments: args })
    const error = (structuredContent as { error?: { code: string } } | undefined)?.error
    return error?.code ?? (content as { text: string }[])[0]?.text
  }
  return {
    call,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
  }
}

async function scene() {
  const h = await home()
  const { url: server } = await serveWith(h.env())
  const proxy = await counting(server)
  const issuer = String(h.first(`select value from store_facts where name = 'issuer'`))
  const invited = await h.run(
    ['issue-registration-credential', '--server-name', 'notes', '--delivery', 'file', '--json'],
    { env: h.env(admin) },
  )
  const { path } = invited.json['delivery'] as { path: string }
  const invitation = join(temporaryFolder(), 'invitation.json')
  const { credential_id, server_id } = invited.json
  writeFileSync(invitation, JSON.stringify({ credential_id, secret: secretIn(path) }))
  const url = await notesServer({
    NOTES_REMIT_URL: proxy.url,
    NOTES_ISSUER: issuer,
    NOTES_INVITATION: invitation,
  })
  const audience = `${issuer}:${String(server_id)}`
  const ask = async (name: string, args: Fields, meta: object) => {
    const answer = await fetch(`${server}/operations/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...args, _meta: meta }),
    })
    const body = (await answer.json()) as { grant_id: string; _meta?: Record<string, string> }
    if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(body)}`)
    return { ...body, token: body._meta?.['dev.remit/token'] ?? '' }
  }
  /** A grant for Remit and for notes: what presents it at Remit, and its client of the notes server. */
  const granted = async (operation: string, args: Fields, meta: object) => {
    const both = { audience: [issuer, audience], delivery: 'meta', grant_ttl_seconds: 900 }
    const { token } = await ask(operation, { ...both, ...args }, meta)
    const own = { 'dev.remit/token': token }
    const forNotes = await ask('renew_token', { audience, delivery: 'meta' }, own)
    return { meta: own, ...(await clientOf(url, forNotes.token)) }
  }
  const agent = (name: string, ceiling: readonly string[]) => {
    const call = async (...asked: Parameters<typeof ask>) => {
      const { _meta: meta = {}, ...result } = await ask(...asked)
      return { result, meta }
    }
    return h.agent({ call }, name, ceiling)
  }
  return { h, proxy, granted, agent }
}

/** As the file of a delivery holds it: bare, or with what it belongs to. */
function secretIn(path: string): string {
  const text = readFileSync(path, 'utf8').trim()
  return text.startsWith('{') ? String((JSON.parse(text) as Fields)['secret']) : text
}

test('an orchestrator and two sub-agents use it; revoking the middle one is refused there', async () => {
  const { h, proxy, granted, agent } = await scene()
  const agents: Record<string, Holder> = {}
  for (const name of ['orchestrator', 'researcher', 'writer']) {
    agents[name] = await agent(name, ['tool/notes/**:invoke', 'tokens:delegate'])
  }
  const orchestrator = await granted(
    'mint_token',
    { scopes: ['tool/notes/**:invoke', 'tokens:delegate'] },
    agents['orchestrator']?.meta ?? {},
  )
  const researcher = await granted(
    'delegate_token',
    {
      to: 'researcher',
      scopes: ['tool/notes/add:invoke', 'tool/notes/list:invoke', 'tokens:delegate'],
    },
    orchestrator.meta,
  )
  const writer = await granted(
    'delegate_token',
    { to: 'writer', scopes: ['tool/notes/list:invoke'] },
    researcher.meta,
  )

  expect(await orchestrator.tools()).toEqual(['add', 'list', 'clear'])
  expect(await researcher.tools()).toEqual(['add', 'list'])
  expect(await writer.tools()).toEqual(['list'])
  expect(await researcher.call('add', { note: 'found it' })).toBe('noted')
  expect(await writer.call('add', { note: 'no' })).toBe('insufficient_scope')
  expect(await researcher.call('clear')).toBe('insufficient_scope')
  const notes = [{ note: 'found it', by: agents['researcher']?.id }]
  expect(JSON.parse((await writer.call('list')) ?? '')).toEqual(notes)

  proxy.asked.length = 0
  const started = performance.now()
  const answers = await Promise.all(Array.from({ length: 200 }, () => writer.call('list')))
  expect(new Set(answers).size).toBe(1)
  // One list a second at most, whatever the number of requests.
  const seconds = Math.ceil((performance.now() - started) / 1000) + 1
  expect(proxy.asked.filter((what) => what !== 'GET /deny-list')).toEqual([])
  expect(proxy.asked.length).toBeLessThanOrEqual(seconds)

  const suspend = ['set-agent-status', '--agent', 'researcher', '--status', 'suspended']
  const suspended = await h.run([...suspend, '--cause', 'test', '--json'], { env: h.env(admin) })
  expect(suspended.code).toBe(0)
  await expect.poll(() => writer.call('list'), { timeout: 90_000 }).toBe('agent_suspended')
  expect(await researcher.call('add', { note: 'again' })).toBe('agent_suspended')
  expect(await researcher.tools()).toEqual([])
  expect(JSON.parse((await orchestrator.call('list')) ?? '')).toEqual(notes)
  expect(await orchestrator.call('clear')).toBe('cleared')
})
