// Real clients and real pipes: a bundled server in a process of its own.
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Client as ModernClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { Metafile } from 'esbuild'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, eras, initialize, opening } from './harness.ts'

let directory: string
let server: string
let metafile: Metafile

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'remit-stdio-'))
  server = join(directory, 'stdio-server.fixture.mjs')
  const built = await build({
    entryPoints: [fileURLToPath(new URL('stdio-server.fixture.ts', import.meta.url))],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  })
  metafile = built.metafile
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const child = () => ({ command: process.execPath, args: [server] })
const info = { name: 'test', version: '1' }
const meta = { 'dev.remit/token': 't' }

test('the client of the older SDK', async () => {
  const client = new Client(info)
  await client.connect(new StdioClientTransport(child()))
  try {
    expect(client.getServerVersion()).toMatchObject({ name: 'fake', title: 'Fake' })
    expect(client.getInstructions()).toBe('Call echo.')
    expect((await client.listTools()).tools).toHaveLength(6)
    expect(await client.callTool({ name: 'echo', arguments: { a: 1 }, _meta: meta })).toMatchObject(
      {
        structuredContent: { args: { a: 1 }, meta },
      },
    )
    expect(await client.callTool({ name: 'refuse' })).toMatchObject({ isError: true })
    expect(await client.readResource({ uri: 'fake://one' })).toMatchObject({
      contents: [{ uri: 'fake://one' }],
    })
    await expect(client.readResource({ uri: 'fake://two' })).rejects.toMatchObject({ code: -32002 })
    await client.ping()
  } finally {
    await client.close()
  }
})

test.each([
  ['legacy', 'legacy'],
  ['auto', 'modern'],
  [{ pin: '2026-07-28' }, 'modern'],
] as const)('the client of the newer SDK, mode %j', async (mode, era) => {
  const client = new ModernClient(info, { versionNegotiation: { mode } })
  await client.connect(new ModernTransport(child()))
  try {
    expect(client.getProtocolEra()).toBe(era)
    expect(client.getServerVersion()).toMatchObject({ name: 'fake' })
    expect((await client.listTools()).tools).toHaveLength(6)
    expect(await client.callTool({ name: 'echo', arguments: { a: 1 }, _meta: meta })).toMatchObject(
      {
        structuredContent: { args: { a: 1 }, meta },
      },
    )
    expect(await client.callTool({ name: 'refuse', arguments: {} })).toMatchObject({
      isError: true,
    })
    expect(await client.listResources()).toMatchObject({ resources: [{ uri: 'fake://one' }] })
    await expect(client.readResource({ uri: 'fake://two' })).rejects.toMatchObject({
      // This client makes its own not-found error of either era's.
      code: -32602,
    })
  } finally {
    await client.close()
  }
})

test('a client that probes in place stays with the process it probed', async () => {
  class InPlace extends ModernTransport {}
  const client = new ModernClient(info, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new InPlace(child()))
  try {
    expect(client.getProtocolEra()).toBe('modern')
    expect((await client.listTools()).tools).toHaveLength(6)
  } finally {
    await client.close()
  }
})

test('neither SDK is loaded before a message asks for it', () => {
  const entry = Object.keys(metafile.outputs).find((name) => name.endsWith('fixture.mjs')) ?? ''
  const loaded = new Set<string>()
  const follow = (name: string) => {
    loaded.add(name)
    for (const { path, kind } of metafile.outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && metafile.outputs[path] && !loaded.has(path)) follow(path)
    }
  }
  follow(entry)
  const inputs = [...loaded].flatMap((name) => Object.keys(metafile.outputs[name]?.inputs ?? {}))
  expect(inputs).not.toEqual([])
  expect(inputs.filter((input) => input.includes('node_modules'))).toEqual([])
})

const startChild = () => spawn(process.execPath, [server])
const exitOf = async (process: ChildProcess) => (await once(process, 'close'))[0] as number

test.each(eras)('%s: at the end of input all is answered and the process ends', async (era) => {
  const server = startChild()
  const said = text(server.stdout)
  const lines = [opening(era), call(era, 1, 'slow'), call(era, 2, 'echo')]
  server.stdin.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  expect(await exitOf(server)).toBe(0)
  expect((await said).trim().split('\n')).toHaveLength(3)
})

test('a reader that closes its end ends the process quietly', async () => {
  const server = startChild()
  const complaints = text(server.stderr)
  server.stdin.on('error', () => {})
  server.stdout.destroy()
  const lines = [initialize, call('legacy', 1, 'echo')]
  server.stdin.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  expect(await exitOf(server)).toBe(0)
  expect(await complaints).toMatch(/^\d+\n$/)
})

test('a line of 64 MB costs no memory', async () => {
  const peak = async (megabytes: number) => {
    const server = startChild()
    const said = text(server.stdout)
    const complaints = text(server.stderr)
    const megabyte = Buffer.alloc(1024 * 1024, 'x')
    for (let sent = 0; sent < megabytes; sent += 1) {
      if (!server.stdin.write(megabyte)) await once(server.stdin, 'drain')
    }
    const lines = [initialize, call('legacy', 1, 'refuse')]
    server.stdin.end(`\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
    expect(await exitOf(server)).toBe(0)
    const replies = (await said).trim().split('\n')
    expect(replies).toHaveLength(megabytes > 1 ? 3 : 2)
    expect(replies.at(-1)).toContain('insufficient_scope')
    return Number(await complaints)
  }
  expect((await peak(64)) - (await peak(0))).toBeLessThan(32 * 1024)
})
