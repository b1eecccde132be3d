// Files and folders that may be read and not written: what needs them is refused with one clear error and leaves
// everything as it was, what does not goes on, and once they may be written all is as before.

import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isOnPostgres } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { admin, bare, home, local, main, serve } from './support.ts'
import type { Command, Env, Ran } from './support.ts'

/** Permissions do not bind root, unless it gives that up. */
const isRoot = process.getuid?.() === 0
const unprivileged = ['setpriv', '--bounding-set=-all', '--inh-caps=-all']
const canBeBound = !isRoot || spawnSync('setpriv', [...unprivileged.slice(1), 'true']).status === 0
if (!canBeBound)
  process.stderr.write('\nAs root, what may not be written is tested with setpriv only.\n\n')
const command = [...(isRoot ? unprivileged : []), process.execPath] as unknown as Command

const run = (args: readonly string[], env: Env): Promise<Pick<Ran, 'code' | 'out' | 'err'>> =>
  new Promise((resolve) => {
    const [file, ...before] = command
    const child = execFile(file, [...before, main, ...args], { env: { ...env } }, (_, out, err) => {
      resolve({ code: child.exitCode ?? 'killed', out, err })
    })
    child.stdin?.end()
  })

const contents = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => [path, readFileSync(path, 'base64')]),
  )

/** With other modes, in their order, for as long as the work takes. */
async function under<T>(modes: readonly (readonly [string, number])[], work: () => Promise<T>) {
  const before = modes.map(([path]) => [path, statSync(path).mode] as const)
  for (const [path, mode] of modes) chmodSync(path, mode)
  try {
    return await work()
  } finally {
    for (const [path, mode] of before.toReversed()) chmodSync(path, mode)
  }
}

const mint = { scopes: ['demo:read'] }

// Beside PostgreSQL these files are the same, and the socket of the tests is not for that other user.
describe.skipIf(isOnPostgres() || !canBeBound)('what may not be written', () => {
  describe('of a database', () => {
    test.each([
      ['the file', 'remit.db'],
      ['its folder', ''],
      ['its log, after a crash', 'remit.db-wal'],
      ['the index of its log', 'remit.db-shm'],
    ])('%s: nothing starts, nothing is left there, and then all is as before', async (_, name) => {
      const own = await home()
      const env = own.env(admin)
      if (name.includes('-')) {
        const crashed = await serve(env, 'unchecked', command)
        await crashed.call('mint_token', mint)
        await crashed.kill()
      }
      const before = contents(own.path)
      const path = name === '' ? own.path : own.file(name)
      const mode = statSync(path).mode & 0o500
      const { code, err } = await under([[path, mode]], () => run(['stdio'], env))
      expect([code, err]).toEqual([
        7,
        expect.stringContaining(`remit: ${path} cannot be written to`),
      ])
      expect(contents(own.path)).toEqual(before)
      expect((await run(['mint-token', '--scopes', 'demo:read'], env)).code).toBe(0)
    })

    test('goes on where it is open already, and nothing is lost', async () => {
      const own = await home()
      const server = await serve(own.env(admin), 'unchecked', command)
      const closed: [string, number][] = ['remit.db', 'remit.db-wal'].map((name) => [
        own.file(name),
        0o400,
      ])
      const codes = await under([...closed, [own.path, 0o500]], async () => [
        (await server.call('mint_token', mint)).code,
        (await server.call('check_permission', { permissions: ['demo:read'] })).code,
        (await run(['whoami'], own.env(admin))).code,
      ])
      expect(codes).toEqual(['allowed', 'allowed', 7])
      await server.kill()
      const { code, out } = await run(['query-audit', '--operation', 'mint_token'], own.env(admin))
      expect([code, out]).toEqual([0, expect.stringContaining('mint_token')])
    })
  })

  test('a secret or token for a file that cannot be written is refused before anything is done', async () => {
    const own = await home()
    const server = await serve(own.env(local), 'unchecked', command)
    const file = { ...mint, delivery: 'file' }
    const before = readFileSync(own.file(local), 'utf8')
    const closed = [
      [own.file('credentials'), 0o500],
      [own.path, 0o500],
    ] as const
    await under(closed, async () => {
      for (const [name, args] of [
        ['rotate_credential', {}],
        ['mint_token', file],
      ] as const) {
        const { result } = await server.call(name, args)
        expect(result['error']).toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining('nothing was changed'),
        })
      }
      expect((await server.call('mint_token', mint)).code).toBe('allowed')
    })
    expect((await server.call('list_credentials')).result['credentials']).toHaveLength(1)
    expect(readFileSync(own.file(local), 'utf8')).toBe(before)
    expect((await server.call('mint_token', file)).code).toBe('allowed')
    expect((await server.call('rotate_credential')).code).toBe('allowed')
    expect(readFileSync(own.file(local), 'utf8')).not.toBe(before)
  })

  test('a file of checkpoints that cannot be written stops nobody, is told, and is caught up with', async () => {
    const own = await home()
    const path = own.file('checkpoints.jsonl')
    await run(['whoami'], own.env(admin))
    const lines = () => readFileSync(path, 'utf8').trim().split('\n').length
    const before = lines()
    await under([[path, 0o400]], async () => {
      const server = await serve(own.env(admin), 'unchecked', command)
      expect((await server.call('mint_token', mint)).code).toBe('allowed')
      expect((await server.call('verify_audit')).result['ok']).toBe(true)
      await expect.poll(server.stderr).toContain('No checkpoint could be written.')
      await server.client.close()
    })
    expect(lines()).toBe(before)
    const server = await serve(own.env(admin), 'unchecked', command)
    await expect.poll(lines).toBeGreaterThan(before)
    await server.client.close()
    expect(await run(['audit', 'verify'], own.env(admin))).toMatchObject({ code: 0, err: '' })
  })

  test('a master key whose folder cannot be written is not rotated; one that is read-only is read', async () => {
    const own = await home()
    const folder = temporaryFolder()
    const key = join(folder, 'master.key')
    renameSync(own.file('master.key'), key)
    const env = { ...own.env(admin), REMIT_MASTER_KEY_FILE: key }
    const before = readFileSync(key, 'utf8')
    const closed = [
      [key, 0o400],
      [folder, 0o500],
    ] as const
    await under(closed, async () => {
      const rotated = await run(['keys', 'rotate-master'], env)
      expect([rotated.code, rotated.err]).toEqual([7, expect.stringContaining(folder)])
      expect(readFileSync(key, 'utf8')).toBe(before)
      expect((await run(['whoami'], env)).code).toBe(0)
    })
    expect((await run(['keys', 'rotate-master'], env)).code).toBe(0)
    expect((await run(['whoami'], env)).code).toBe(0)
  })

  test('no store is made where none can be', async () => {
    const folder = temporaryFolder()
    const env = { ...bare, REMIT_HOME: join(folder, 'home') }
    const refused = await under([[folder, 0o500]], () => run(['init'], env))
    expect([refused.code, refused.err]).toEqual([7, expect.stringContaining('EACCES')])
    expect(readdirSync(folder)).toEqual([])
    expect((await run(['init'], env)).code).toBe(0)
  })
})
