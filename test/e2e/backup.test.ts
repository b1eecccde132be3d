// Backups of a store in a file while others write to it, with real processes. On PostgreSQL its own tools
// make them, and `remit backup` says so (test/store/postgres-upkeep.test.ts).
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { copyFolder, temporaryFolder } from '../support/temporary.ts'
import { admin, bare, emptyHome, home, runMain, serve } from './support.ts'
import type { Home } from './support.ts'

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
  for (let n = 0; n < 2; n++) {
    const before = [...acknowledged]
    const file = join(folder, `backup-${n}`)
    const { code, err } = await own.run(['backup', file])
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^Not in it, .*\n$/) })
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
  copyFolder(own.file('credentials'), join(path, 'credentials'))
  const env = { ...bare, REMIT_HOME: path }
  const { code, err } = await runMain(['restore', file, '--json'], env)
  expect(code === 0 ? '' : err).toBe('')
  return env
}
