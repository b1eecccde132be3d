// What `remit doctor` finds: whether the home, the key, the store, the registration and the clock are as
// they should be, and what has to be renewed. It only looks; what is wrong comes with what mends it.

import { existsSync } from 'node:fs'
import type { Config, Environment } from '../config.ts'
import { checkFile } from '../store/check-file.ts'
import { chainHeads, newestCheckpoint } from '../store/audit.ts'
import { judgeStore, nameOf, openStore } from '../store/engine.ts'
import type { OpenedStore } from '../store/open.ts'
import { migrations } from '../store/migrate.ts'
import { auditHash } from './audit-verification.ts'
import { newestKept } from './checkpoint-file.ts'
import { lostCheckpoint, setBack } from './checkpointing.ts'
import { dueAnchors } from './due-anchors.ts'
import { dueCredentials } from './due-credentials.ts'
import { takeEnvironmentCredential } from './environment.ts'
import { ok, problem, warning } from './finding.ts'
import type { Finding } from './finding.ts'
import { homePaths, placeOf } from './home.ts'
import { createKeyRing } from './key-ring.ts'
import { openLiveState } from './live.ts'
import { loadMasterKey } from './master-key.ts'
import { fileFault, folderFault } from './private-file.ts'
import { readRegistrationFile } from './registration-file.ts'
import { unlockBy } from './unlock.ts'

const farBehind = 60

/** Everything that can be looked at; one thing that is broken does not hide the next. */
export async function diagnose(config: Config, env: Environment, now: number): Promise<Finding[]> {
  const findings: Finding[] = []
  const check = async (about: string, look: () => Promise<Finding[]> | Finding[]) => {
    try {
      findings.push(...(await look()))
    } catch (error) {
      findings.push(problem(about, (error as Error).message))
    }
  }
  await check('environment', () => environment(config, env))
  await check('home', () => homeFiles(config))
  await check('master key', () => {
    loadMasterKey(config)
    return [ok('master key', 'can be read')]
  })
  await check('store', () => file(config))
  // Opening migrates, and this only looks.
  const isSound = findings.every(({ about, state }) => about === 'environment' || state === 'ok')
  if (isSound) await check('store', () => contents(config, now))
  return findings
}

function environment(config: Config, env: Environment): Finding[] {
  const { presented, warnings } = takeEnvironmentCredential(env, config.home)
  const all = [...config.warnings, ...warnings]
  const isUnusable = presented.kind === 'unusable'
  const found = all.map((text) => (isUnusable ? problem : warning)('environment', text))
  return found.length > 0 ? found : [ok('environment', 'no secret by value, nothing unknown')]
}

function homeFiles({ home }: Config): Finding[] {
  const paths = homePaths(home)
  const folders = [home, paths.credentials, paths.deliveries].filter(
    (path) => path === home || existsSync(path),
  )
  const files = [
    paths.database,
    paths.masterKey,
    paths.registration,
    paths.adminCredential,
    paths.localCredential,
  ].filter((path) => existsSync(path))
  const faults = [
    ...folders.map((path) => [path, folderFault(path)] as const),
    ...files.map((path) => [path, fileFault(path)] as const),
  ].filter(([, fault]) => fault !== undefined)
  if (faults.length === 0) return [ok('home', `${home} is private`)]
  return faults.map(([path, fault]) => problem('home', `${path} ${fault}`))
}

async function file(config: Config): Promise<Finding[]> {
  const place = placeOf(config)
  const database = nameOf(place)
  const found = await judgeStore(place)
  if (found.state !== 'store') {
    return [problem('store', `${database}: ${found.state}; run \`remit init\``)]
  }
  const flaws = place.engine === 'sqlite' ? checkFile(place.path) : []
  if (flaws.length > 0) return flaws.map((flaw) => problem('store', `${database}: ${flaw}`))
  const newest = migrations().at(-1)?.number ?? 0
  return found.schemaVersion < newest
    ? [warning('store', `schema ${found.schemaVersion} of ${newest}; the next start migrates it`)]
    : [ok('store', `${database} is whole, schema ${found.schemaVersion}`)]
}

async function contents(config: Config, now: number): Promise<Finding[]> {
  let tampered = 0
  const opened = await openStore(placeOf(config), {
    keys: unlockBy(config),
    hashOf: auditHash,
    onDamage: () => {
      tampered += 1
    },
  })
  try {
    const found = [
      ...(await registration(config, opened, now)),
      ...(await audit(opened, now)),
      ...(await checkpoints(config, opened, now)),
      ...(await whatIsDue(config, opened, now)),
    ]
    return tampered === 0
      ? [ok('records', 'none was tampered with'), ...found]
      : [problem('records', `${tampered} were tampered with and are left out`), ...found]
  } finally {
    await opened.store.close()
  }
}

async function registration(
  config: Config,
  { store }: OpenedStore,
  now: number,
): Promise<Finding[]> {
  const about = 'registration'
  const mend = 'run `remit init --recover`'
  const path = homePaths(config.home).registration
  const read = readRegistrationFile(path)
  if (!read.ok) return [problem(about, `${path} ${read.why}; ${mend}`)]
  const live = await openLiveState(store)
  const server = live.server(read.file.server_id)
  const record = live.registrations.get(read.file.credential_id)
  if (server === undefined || record === undefined) {
    return [problem(about, `${path} belongs to another store; ${mend}`)]
  }
  if (server.status === 'revoked' || record.status === 'revoked') {
    return [problem(about, `it was revoked; ${mend}`)]
  }
  if (record.status === 'bound') return [ok(about, `${server.name} is registered`)]
  return record.expiresAt > now
    ? [ok(about, 'it is redeemed at the first start')]
    : [problem(about, `it expired before it was redeemed; ${mend}`)]
}

async function checkpoints(config: Config, opened: OpenedStore, now: number): Promise<Finding[]> {
  const { store, keys, facts } = opened
  const ring = createKeyRing(await openLiveState(store), keys)
  const signed = { verifiers: ring.verifiers('checkpoint', now), issuer: facts.issuer }
  const kept = await newestKept(config.checkpoints, signed)
  const newest = kept.at(-1)
  if (newest === undefined) return [ok('checkpoints', `none in ${config.checkpoints} yet`)]
  const lost = await lostCheckpoint({ store }, kept)
  return lost === undefined
    ? [ok('checkpoints', `the newest, of event ${newest.seq}, fits the audit`)]
    : [problem('checkpoints', setBack)]
}

async function whatIsDue(config: Config, { store }: OpenedStore, now: number): Promise<Finding[]> {
  const looked = { store, live: await openLiveState(store), now }
  return [...(await dueCredentials(looked)), ...dueAnchors(looked, config.crlFiles)]
}

async function audit({ store }: OpenedStore, now: number): Promise<Finding[]> {
  const heads = await store.read(chainHeads)
  const [checkpoint] = await store.read(newestCheckpoint)
  const found: Finding[] = heads.map((head) =>
    head.sound
      ? ok('audit', `chain ${head.chain} ends at ${head.seq}`)
      : problem('audit', `the end of chain ${head.chain} was tampered with`),
  )
  const newest = Math.max(0, ...heads.map((head) => head.at))
  return [
    ...found,
    ok('audit', checkpoint === undefined ? 'no checkpoint yet' : `checkpoint at ${checkpoint.seq}`),
    now + farBehind < newest
      ? problem(
          'clock',
          'it is behind what was committed; nothing can be written until it is right',
        )
      : ok('clock', 'not behind the newest event'),
  ]
}
