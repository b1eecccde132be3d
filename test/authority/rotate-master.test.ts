// Another master key for the same store: whatever is interrupted or races, one key at hand opens it, and
// nothing that was hashed or sealed before is lost.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { initStore, openApp } from '../../src/app.ts'
import { loadMasterKey, masterKeyText } from '../../src/authority/master-key.ts'
import { rotateMaster } from '../../src/authority/rotate-master.ts'
import { stage } from '../../src/authority/staged-files.ts'
import { openStoreKey } from '../../src/authority/unlock.ts'
import type { Config } from '../../src/config.ts'
import { sealDataKey } from '../../src/crypto/data-key.ts'
import { replaceFact } from '../../src/store/facts.ts'
import { judgeFile, openStore } from '../../src/store/open.ts'
import type { Judged } from '../../src/store/open.ts'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { unlockBy } from '../../src/authority/unlock.ts'
import { configOf, keptLog, temporaryFolder } from '../support/temporary.ts'

const keyFile = (config: Config) => join(config.home, 'master.key')
const masterOf = (config: Config) => readFileSync(keyFile(config), 'utf8')
const waiting = (config: Config) =>
  readdirSync(config.home).filter((name) => name.startsWith('.master.key.staged-'))

const found = (config: Config): Extract<Judged, { state: 'store' }> => {
  const judged = judgeFile(join(config.home, 'remit.db'))
  if (judged.state !== 'store') throw new Error('There is no store.')
  return judged
}

async function made(env: Record<string, string> = {}): Promise<Config> {
  const config = configOf(env)
  await initStore(config)
  return config
}

async function opens(config: Config): Promise<boolean> {
  const app = await openApp(config, { log: keptLog() })
  await app.close()
  return true
}

/** Seals the data key under another master key, as a rotation does in its one commit. */
async function commitKey(config: Config, next: Buffer): Promise<void> {
  const sealed = found(config)
  const value = sealDataKey(next, openStoreKey(config, sealed), sealed.storeId)
  const { store } = openStore(join(config.home, 'remit.db'), {
    keys: unlockBy(config),
    hashOf: auditHash,
    onDamage: () => undefined,
  })
  const write = replaceFact('data_key', sealed.sealedKey, value)
  const at = Math.floor(Date.now() / 1000)
  expect(await store.commit([{ writes: [write], events: [] }], at)).toMatchObject([{ ok: true }])
  await store.close()
}

test('the store opens with the new key and not with the old', async () => {
  const config = await made()
  const old = masterOf(config)
  const dataKey = openStoreKey(config, found(config))
  const result = await rotateMaster(config)
  expect(result).toEqual({
    rotated_at: expect.any(Number),
    key_file: keyFile(config),
    old_key_file: expect.stringMatching(/master\.key\.old-[\w-]{8}$/),
  })
  expect(masterOf(config)).not.toBe(old)
  expect((statSync(keyFile(config)).mode & 0o777).toString(8)).toBe('600')
  expect(waiting(config)).toEqual([])
  // What everything is derived from is the same; only what it is sealed under is another.
  expect(openStoreKey(config, found(config))).toEqual(dataKey)
  writeFileSync(keyFile(config), old)
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('master key is not the one'),
  })
})

test('the old key stays beside it, for the backups made under it', async () => {
  const config = await made()
  const old = masterOf(config)
  const { old_key_file: path = '' } = await rotateMaster(config)
  expect(readFileSync(path, 'utf8')).toBe(old)
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600')
})

test('it is remembered in the audit', async () => {
  const config = await made()
  await rotateMaster(config)
  const app = await openApp(config, { log: keptLog() })
  const rows = await app.context.store.read({
    sql: `select operation from audit_events order by seq desc limit 1`,
    values: [],
    map: (row) => row['operation'],
  })
  expect(rows).toEqual(['rotate_master_key'])
  await app.close()
})

test('a running server notices nothing', async () => {
  const config = await made()
  const app = await openApp(config, { log: keptLog() })
  await rotateMaster(config)
  await rotateMaster(config)
  await app.context.live.refresh()
  const event = { writes: [], events: [] }
  expect(await app.context.committer.submit(event)).toBe('committed')
  expect(app.context.ring.signer('access_token').kid).toMatch(/^key_/)
  await app.close()
  expect(await opens(config)).toBe(true)
})

test('killed before its commit, the old key opens the store and the next run goes on', async () => {
  const config = await made()
  const old = masterOf(config)
  const next = Buffer.alloc(32, 5)
  stage(new Map([[keyFile(config), masterKeyText(next)]]), 'killed')
  expect(await opens(config)).toBe(true)
  expect(masterOf(config)).toBe(old)
  await rotateMaster(config)
  expect(loadMasterKey(config)).toEqual(next)
  expect(waiting(config)).toEqual([])
  expect(await opens(config)).toBe(true)
})

test('killed after its commit, the waiting key opens the store and is put in place', async () => {
  const config = await made()
  const old = masterOf(config)
  const next = Buffer.alloc(32, 5)
  stage(new Map([[keyFile(config), masterKeyText(next)]]), 'killed')
  await commitKey(config, next)
  expect(masterOf(config)).toBe(old)
  expect(await opens(config)).toBe(true)
  expect(loadMasterKey(config)).toEqual(next)
  expect(waiting(config)).toEqual([])
})

test('a key that waits but was never used is not put in place', async () => {
  const config = await made()
  stage(new Map([[keyFile(config), masterKeyText(Buffer.alloc(32, 5))]]), 'killed')
  const text = masterKeyText(Buffer.alloc(32, 6))
  writeFileSync(keyFile(config), text)
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({ code: 'unavailable' })
  expect(masterOf(config)).toBe(text)
  expect(waiting(config)).toHaveLength(1)
})

test('rotations that race all end with a key that opens the store', async () => {
  const config = await made()
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => rotateMaster(config)))
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
  expect(await opens(config)).toBe(true)
  await rotateMaster(config)
  expect(await opens(config)).toBe(true)
})

test('a key of the operator is used and left where it is', async () => {
  const old = Buffer.alloc(32, 3).toString('base64')
  const config = await made({ REMIT_MASTER_KEY: old })
  await expect(rotateMaster(config)).rejects.toMatchObject({
    code: 'invalid_request',
    detail: { remedy: { text: expect.stringContaining('--new-key-file') } },
  })
  const newKeyFile = join(temporaryFolder(), 'key')
  writeFileSync(newKeyFile, Buffer.alloc(32, 4).toString('base64'), { mode: 0o600 })
  expect(await rotateMaster(config, { newKeyFile })).toEqual({
    rotated_at: expect.any(Number),
    key_file: newKeyFile,
  })
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({ code: 'unavailable' })
  const changed = configOf({ REMIT_MASTER_KEY_FILE: newKeyFile }, config.home)
  expect(await opens(changed)).toBe(true)
  expect(existsSync(keyFile(config))).toBe(false)
  await expect(rotateMaster(changed, { newKeyFile })).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

test.each([
  ['is missing', () => undefined],
  [
    'is open to others',
    (path: string) => writeFileSync(path, masterKeyText(Buffer.alloc(32, 4)), { mode: 0o644 }),
  ],
  ['holds no key', (path: string) => writeFileSync(path, 'key', { mode: 0o600 })],
])('a new key file that %s changes nothing', async (_name, make) => {
  const config = await made()
  const before = found(config).sealedKey
  const newKeyFile = join(temporaryFolder(), 'key')
  make(newKeyFile)
  await expect(rotateMaster(config, { newKeyFile })).rejects.toMatchObject({
    kind: 'wrong_master_key',
  })
  expect(found(config).sealedKey).toBe(before)
  expect(await opens(config)).toBe(true)
})

test('without a place beside the old key nothing is changed', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'key')
  writeFileSync(path, masterKeyText(Buffer.alloc(32, 4)), { mode: 0o600 })
  const config = await made({ REMIT_MASTER_KEY_FILE: path })
  const before = found(config).sealedKey
  rmSync(path)
  execFileSync('ln', ['-s', '/dev/null', path])
  await expect(rotateMaster(config)).rejects.toThrow('is a link')
  expect(found(config).sealedKey).toBe(before)
})
