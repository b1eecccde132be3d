// Making a store, opening it and recovering it, on homes of their own.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { initStore, migrateStore, openApp, recoverStore } from '../src/app.ts'
import { verifyAudit } from '../src/app/upkeep.ts'
import type { App } from '../src/app.ts'
import type { Config } from '../src/config.ts'
import { queryEvents } from '../src/store/audit.ts'
import { migrations } from '../src/store/migrate.ts'
import { openForInit } from '../src/store/open.ts'
import { keyPurposes } from '../src/store/signing-keys.ts'
import { deriveKeys } from '../src/crypto/keyed-hash.ts'
import { auditHash } from '../src/authority/audit-verification.ts'
import { configOf, keptLog } from './support/temporary.ts'

async function withApp<T>(config: Config, use: (app: App) => T | Promise<T>): Promise<T> {
  const app = await openApp(config, { log: keptLog() })
  try {
    return await use(app)
  } finally {
    await app.close()
  }
}

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
const modes = (home: string) =>
  Object.fromEntries(
    ['', ...readdirSync(home, { recursive: true, encoding: 'utf8' })]
      .toSorted()
      .map((name) => [name, (statSync(join(home, name)).mode & 0o777).toString(8)]),
  )

test('init makes a home that only its owner can read, with everything in it', async () => {
  const config = configOf()
  const made = await initStore(config)
  expect(made).toEqual({
    org_id: expect.stringMatching(/^org_/),
    server_id: expect.stringMatching(/^srv_/),
    admin: {
      agent_id: expect.stringMatching(/^agt_/),
      credential_file: join(config.home, 'credentials/admin.json'),
    },
    local: {
      agent_id: expect.stringMatching(/^agt_/),
      credential_file: join(config.home, 'credentials/local.json'),
    },
  })
  expect(modes(config.home)).toEqual({
    '': '700',
    credentials: '700',
    'credentials/admin.json': '600',
    'credentials/local.json': '600',
    'master.key': '600',
    'registration.json': '600',
    'remit.db': '600',
    'remit.db-reserve': '600',
  })
  expect(json(made.local.credential_file)).toEqual({
    agent_id: made.local.agent_id,
    credential_id: expect.stringMatching(/^crd_/),
    secret: expect.stringMatching(/^rmt_sec_/),
  })
  expect(json(join(config.home, 'registration.json'))).toEqual({
    server_id: made.server_id,
    credential_id: expect.stringMatching(/^reg_/),
    secret: expect.stringMatching(/^rmt_reg_/),
    private_jwk: expect.objectContaining({ kty: 'OKP', crv: 'Ed25519' }),
  })
})

test('what init made is what opens', async () => {
  const config = configOf({ REMIT_SCOPES: 'demo:read', REMIT_TOKEN_MAX: '60' })
  const made = await initStore(config, { orgName: 'acme' })
  await withApp(config, ({ context }) => {
    const { live, self, settings, ring } = context
    expect(self).toEqual({
      storeId: expect.stringMatching(/^[0-9a-z]{26}$/),
      issuer: `urn:remit:${self.storeId}`,
      serverId: made.server_id,
      orgId: made.org_id,
    })
    const admin = live.agentByName(made.org_id, 'admin')
    const local = live.agentByName(made.org_id, 'local')
    expect([admin?.computedCeiling, admin?.status, admin?.owner]).toEqual([
      true,
      'active',
      'operator',
    ])
    expect(local?.ceiling.map(({ text }) => text)).toEqual(['demo:*', 'tokens:delegate'])
    expect(live.server(made.server_id)).toMatchObject({ name: 'remit', status: 'pending' })
    expect([...(live.resourceType(made.org_id, 'demo')?.operations.keys() ?? [])]).toEqual([
      'read',
      'write',
      'delete',
    ])
    expect(ring.signer('access_token').kid).not.toBe(ring.signer('checkpoint').kid)
    expect([settings.tokenMax, settings.scopes?.map(({ text }) => text)]).toEqual([
      60,
      ['demo:read'],
    ])
    expect(JSON.stringify(settings)).not.toContain('masterKey')
  })
})

test('everything that init made is in the audit', async () => {
  const config = configOf()
  const { org_id: orgId } = await initStore(config)
  const events = await withApp(config, ({ context }) =>
    context.store.read(queryEvents({ orgId, limit: 100 })),
  )
  expect(
    events.map(({ detail }) => (JSON.parse(detail) as { made: string }).made).toSorted(),
  ).toEqual([
    'agent',
    'agent',
    'credential',
    'credential',
    'organisation',
    'registration_credential',
    'resource_type',
    'server',
    ...keyPurposes.map(() => 'signing_key'),
  ])
  expect(await verifyAudit(config, keptLog(), {})).toMatchObject({
    ok: true,
    count: 8 + keyPurposes.length,
  })
})

test('init refuses where a store is, and changes nothing', async () => {
  const config = configOf()
  await initStore(config)
  const before = readFileSync(join(config.home, 'credentials/admin.json'), 'utf8')
  await expect(initStore(config)).rejects.toMatchObject({ code: 'conflict' })
  expect(readFileSync(join(config.home, 'credentials/admin.json'), 'utf8')).toBe(before)
})

test('of two inits at once one makes the store, and its files fit it', async () => {
  const config = configOf()
  const results = await Promise.allSettled([initStore(config), initStore(config)])
  const made = results.filter(({ status }) => status === 'fulfilled')
  expect(made).toHaveLength(1)
  await withApp(config, ({ context, registrationFile }) => {
    expect(context.live.registrations.has(registrationFile.credential_id)).toBe(true)
    const admin = json(join(config.home, 'credentials/admin.json'))
    expect(context.live.credential(String(admin['credential_id']))).toBeDefined()
  })
  expect(Object.keys(modes(config.home)).filter((name) => name.includes('staged'))).toEqual([])
})

test('init goes on where a schema is, but no store', async () => {
  const key = Buffer.alloc(32, 7)
  const config = configOf({ REMIT_MASTER_KEY: key.toString('base64') })
  mkdirSync(config.home, { mode: 0o700 })
  await expect(migrateStore(config)).rejects.toMatchObject({ code: 'unavailable' })
  const newest = migrations().at(-1)?.number
  const options = { keys: () => deriveKeys(key), hashOf: auditHash, onDamage: () => undefined }
  await openForInit(join(config.home, 'remit.db'), options).close()
  expect(await migrateStore(config)).toEqual({ from: newest, to: newest })
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({ code: 'unavailable' })
  await initStore(config)
  await withApp(config, ({ context }) => expect(context.live.agents.size).toBe(2))
  expect(existsSync(join(config.home, 'master.key'))).toBe(false)
})

test('init does not write over the files of a store that is gone', async () => {
  const config = configOf()
  await initStore(config)
  rmSync(join(config.home, 'remit.db'))
  const key = readFileSync(join(config.home, 'master.key'), 'utf8')
  await expect(initStore(config)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(join(config.home, 'registration.json')),
  })
  rmSync(join(config.home, 'registration.json'))
  rmSync(join(config.home, 'credentials'), { recursive: true })
  await initStore(config)
  expect(readFileSync(join(config.home, 'master.key'), 'utf8')).toBe(key)
})

test('a crash after the commit of init is finished by the next start', async () => {
  const config = configOf()
  await initStore(config)
  const storeId = await withApp(config, ({ context }) => context.self.storeId)
  const place = (name: string) => join(config.home, name)
  renameSync(place('registration.json'), place(`.registration.json.staged-${storeId}`))
  renameSync(place('credentials/admin.json'), place(`credentials/.admin.json.staged-${storeId}`))
  await withApp(config, ({ context }) => expect(context.self.storeId).toBe(storeId))
  await expect(initStore(config)).rejects.toMatchObject({
    message: expect.stringContaining('finished'),
  })
  expect(existsSync(place('credentials/admin.json'))).toBe(true)
})

test('without its registration a server does not start, and recovery mends it', async () => {
  const config = configOf()
  const made = await initStore(config)
  const registration = join(config.home, 'registration.json')
  rmSync(registration)
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({
    code: 'invalid_client',
    detail: { remedy: { text: expect.stringContaining('remit init --recover') } },
  })
  const before = json(made.admin.credential_file)
  expect(await recoverStore(config)).toEqual({
    org_id: made.org_id,
    server_id: made.server_id,
    admin: {
      agent_id: made.admin.agent_id,
      credential_id: expect.stringMatching(/^crd_/),
      credential_file: made.admin.credential_file,
    },
    registration: 'renewed',
  })
  expect(json(made.admin.credential_file)['credential_id']).not.toBe(before['credential_id'])
  await withApp(config, ({ context, registrationFile }) => {
    expect(context.live.registrations.get(registrationFile.credential_id)?.status).toBe('pending')
  })
  expect((await recoverStore(config)).registration).toBe('kept')
  expect((await verifyAudit(config, keptLog(), {})).ok).toBe(true)
})

test('a registration that expired before it was redeemed is renewed by recovery', async () => {
  const config = configOf()
  await initStore(config, { now: () => 1_000_000 })
  const { registration } = await recoverStore(config, { now: () => 1_000_000 + 86_399 })
  expect(registration).toBe('kept')
  expect((await recoverStore(config, { now: () => 1_000_000 + 86_400 })).registration).toBe(
    'renewed',
  )
})

test('a home that others can look into is refused', async () => {
  const config = configOf()
  await initStore(config)
  chmodSync(config.home, 0o750)
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('chmod 700'),
  })
})

test('a store keeps its issuer', async () => {
  const issuer = 'https://remit.example'
  const config = configOf({ REMIT_ISSUER: issuer })
  await initStore(config)
  await withApp(config, ({ context }) => expect(context.self.issuer).toBe(issuer))
  const other = configOf({ REMIT_ISSUER: 'https://other.example' }, config.home)
  await expect(openApp(other, { log: keptLog() })).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

test('an edited event shows in the offline verification', async () => {
  const config = configOf()
  await initStore(config)
  const { Database } = await import('../src/store/driver.ts')
  const db = new Database(join(config.home, 'remit.db'))
  db.exec(`update audit_events set target = 'x' where seq = 3`)
  db.close()
  expect(await verifyAudit(config, keptLog(), {})).toMatchObject({
    ok: false,
    chains: [{ first_bad_seq: 3, what: 'edited' }],
  })
})

test('a damaged registration file is not overwritten by a start', async () => {
  const config = configOf()
  await initStore(config)
  writeFileSync(join(config.home, 'registration.json'), '{}')
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({
    code: 'invalid_client',
  })
  expect(readFileSync(join(config.home, 'registration.json'), 'utf8')).toBe('{}')
})
