// Upkeep of a store that is in use, with real processes: backups while others write, a master key that is
// replaced by a process that is killed, signing keys that rotate under tokens in flight.
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { admin, bare, emptyHome, home, runMain, serve, start } from './support.ts'
import type { Home, Server } from './support.ts'

const rounds = Math.max(12, Number(process.env['REMIT_TEST_ROUNDS'] ?? 0))

test('backups that are taken while four processes write are whole, and hold all that was acknowledged', async () => {
  const own = await home()
  const servers = await Promise.all([1, 2, 3, 4].map(() => serve(own.env(admin), 'unchecked')))
  const acknowledged: string[] = []
  let writing = true
  const writers = servers.map(async (server) => {
    while (writing) {
      const { code, result } = await server.call('mint_token', { scopes: ['demo:read'] })
      expect(code).toBe('allowed')
      acknowledged.push(String(result['grant_id']))
    }
  })
  const folder = temporaryFolder()
  const taken: { file: string; before: readonly string[]; after: number }[] = []
  for (let n = 0; n < 4; n++) {
    const before = [...acknowledged]
    const file = join(folder, `backup-${n}`)
    const { code, err } = await own.run(['backup', file])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    taken.push({ file, before, after: acknowledged.length })
  }
  writing = false
  await Promise.all(writers)
  // They did write meanwhile.
  for (const { before, after } of taken) expect(after).toBeGreaterThan(before.length)
  for (const { file, before } of taken) {
    const held = new Set(grantsIn(file))
    expect(before.filter((id) => !held.has(id))).toEqual([])
    const restored = await restoredHome(own, file)
    expect(await runMain(['audit', 'verify'], restored)).toMatchObject({ code: 0 })
    expect(await runMain(['whoami'], restored)).toMatchObject({ code: 0 })
  }
})

const grantsIn = (file: string): string[] => {
  const db = new Database(file, { readonly: true })
  const ids = db.prepare('select id from grants').pluck().all() as string[]
  db.close()
  return ids
}

/** A home with everything but a database, into which a backup is restored. */
async function restoredHome(own: Home, file: string) {
  const path = emptyHome()
  mkdirSync(path, { mode: 0o700 })
  for (const name of ['master.key', 'registration.json']) {
    copyFileSync(own.file(name), join(path, name))
  }
  cpSync(own.file('credentials'), join(path, 'credentials'), { recursive: true })
  const env = { ...bare, REMIT_HOME: path }
  const { code, err } = await runMain(['restore', file, '--json'], env)
  expect(code === 0 ? '' : err).toBe('')
  return env
}

test(
  `a master key that is replaced by a process which is killed, ${rounds} times, locks nobody out`,
  { timeout: rounds * 12_000 },
  async () => {
    const own = await home()
    const running = await serve(own.env(admin), 'unchecked')
    const begun = Date.now()
    expect((await own.run(['keys', 'rotate-master'])).code).toBe(0)
    const whole = Date.now() - begun
    let killed = 0
    for (let round = 0; round < rounds; round++) {
      const child = start(['keys', 'rotate-master'], own.env())
      await wait(whole * (0.4 + (0.6 * round) / rounds))
      child.kill('SIGKILL')
      if ((await child.ended).code === 'SIGKILL') killed += 1
      expect(await own.run(['whoami'])).toMatchObject({ code: 0 })
      // The server that was there all along needs no new key.
      expect((await running.call('mint_token', { scopes: ['demo:read'] })).code).toBe('allowed')
    }
    expect(killed).toBeGreaterThan(0)
    expect((await own.run(['keys', 'rotate-master'])).code).toBe(0)
    expect(await own.run(['audit', 'verify'])).toMatchObject({ code: 0 })
    expect((await running.call('verify_audit')).result['ok']).toBe(true)
  },
)

test('signing keys rotate in two processes without one token in flight being refused', async () => {
  const own = await home()
  const [first, second] = await Promise.all([
    serve(own.env(admin), 'unchecked'),
    serve(own.env(admin), 'unchecked'),
  ])
  let rotating = true
  const seen = { used: 0, keys: new Set<unknown>() }
  const flying = [
    [first, second],
    [second, first],
  ].map(async ([minting, using]) => {
    while (rotating) seen.used += await fly(minting as Server, using as Server)
  })
  for (let n = 0; n < 12; n++) {
    const { code, result } = await (n % 2 === 0 ? first : second).call('rotate_signing_key')
    expect(code).toBe('allowed')
    seen.keys.add(result['kid'])
    await wait(20)
  }
  rotating = false
  await Promise.all(flying)
  expect(seen.keys.size).toBe(12)
  expect(seen.used).toBeGreaterThan(12)
})

/** Tokens from one process, each used in the other at once and again after the next. */
async function fly(minting: Server, using: Server): Promise<number> {
  const tokens: string[] = []
  for (let n = 0; n < 4; n++) {
    const minted = await minting.call('mint_token', { scopes: ['demo:read'], delivery: 'meta' })
    tokens.push(String(minted.meta['dev.remit/token']))
    for (const token of tokens) {
      const { code, result } = await using.call(
        'check_permission',
        { permissions: ['demo:read'] },
        { 'dev.remit/token': token },
      )
      expect({ code, allowed: result['allowed'] }).toEqual({ code: 'allowed', allowed: true })
    }
  }
  return tokens.length
}
