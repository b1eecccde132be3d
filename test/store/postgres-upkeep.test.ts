// Upkeep where every process writes an audit chain of its own: all of them are kept outside, verified as
// one, exported and pruned.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { initStore, openApp } from '../../src/app.ts'
import { backup, restore, rotateMaster } from '../../src/app/upkeep.ts'
import { keepCheckpoints } from '../../src/authority/checkpointing.ts'
import type { Context } from '../../src/authority/context.ts'
import { exportLines } from '../../src/authority/export-audit.ts'
import { onHost } from '../../src/authority/on-host.ts'
import { pruneStore } from '../../src/authority/prune.ts'
import { verifyExport, verifyStore } from '../../src/authority/verify-store.ts'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { dropDatabase, newDatabase } from '../support/database.ts'
import { configOf, keptLog } from '../support/temporary.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const day = 86_400

/** A store that `init` made in a database of its own, and its configuration. */
async function initialised() {
  const name = `upkeep_${randomBytes(8).toString('hex')}`
  onTestFinished(() => dropDatabase(name))
  const config = configOf({ REMIT_DATABASE_URL: newDatabase(name) })
  await initStore(config)
  return config
}

/** Two processes that both acted, before and after a checkpoint of both. */
async function made() {
  const w = await world()
  const kept = join(w.home, 'kept.jsonl')
  const keeping = (context: Context): Context => ({
    ...context,
    settings: { ...context.settings, checkpoints: kept },
  })
  const processes = [keeping(w.context), keeping(await w.startProcess())]
  const act = async (times: number) => {
    for (const process of processes) {
      for (let n = 0; n < times; n++) {
        await w.result(listPermissions, {}, w.admin, { in: process })
        await process.audit.flush()
      }
    }
  }
  await act(6)
  const [first] = processes
  if (first === undefined) throw new Error('There is no process.')
  await keepCheckpoints(first)
  const { store, keys, self } = w.context
  const host = await onHost({ store, keys, facts: self, schemaVersion: 1 }, w.context)
  return { w, kept, act, first, host, verify: () => verifyStore(host, { kept }) }
}

/** The chain of the process that started last, and how long it is. */
const longest = (w: World) => ({
  chain: String(w.read('select chain from audit_heads order by chain desc limit 1')),
  seq: Number(w.read('select seq from audit_heads order by chain desc limit 1')),
})

test('a checkpoint of every chain is kept outside, by whichever process', async () => {
  const { w, verify } = await made()
  const chains = Number(w.read('select count(*) from audit_heads'))
  expect(chains).toBeGreaterThan(1)
  expect(await verify()).toMatchObject({ ok: true, checkpoints: { genuine: chains, others: 0 } })
})

test('a chain that is gone without a trace in the database is missed by what was kept', async () => {
  const { w, verify } = await made()
  const { chain } = longest(w)
  for (const table of ['audit_events', 'audit_heads', 'audit_checkpoints']) {
    expect(w.tamper(`delete from ${table} where chain = ?`, chain)).toBeGreaterThan(0)
  }
  const { ok, chains } = await verify()
  expect(ok).toBe(false)
  expect(chains.filter(({ what }) => what !== undefined)).toMatchObject([
    { chain, first_bad_seq: 1, what: 'truncated' },
  ])
})

test('an edited event of one chain is named, with its chain, in the store and in an export', async () => {
  const { w, host, kept, verify } = await made()
  const { chain } = longest(w)
  w.tamper(`update audit_events set code = 'conflict' where chain = ? and seq = 3`, chain)
  const bad = { chain, first_bad_seq: 3, what: 'edited' }
  expect((await verify()).chains.filter(({ what }) => what !== undefined)).toMatchObject([bad])
  const lines: string[] = []
  for await (const { line } of exportLines(host)) lines.push(line)
  const path = join(w.home, 'export.jsonl')
  writeFileSync(path, `${lines.join('\n')}\n`)
  const known = {
    keys: host.keys,
    storeId: host.self.storeId,
    verifiers: host.ring.verifiers('checkpoint', w.now()),
  }
  const exported = await verifyExport(path, { kept }, known)
  expect(exported.chains.filter(({ what }) => what !== undefined)).toMatchObject([bad])
})

test('what ended goes, and every chain begins behind its checkpoint', async () => {
  const { w, act, first, host, kept, verify } = await made()
  await w.result(mintToken, { scopes: ['demo:read'], grant_ttl_seconds: 3600, uses: 2 })
  await keepCheckpoints(first)
  w.pass(3 * day)
  await act(1)
  const asked = { olderThan: 2 * day, dryRun: false }
  const report = await pruneStore(host, { home: w.home, checkpoints: kept }, asked)
  expect(report).toMatchObject({ grants: 1, tokens: 1 })
  expect(report.audit.length).toBeGreaterThan(1)
  for (const { chain, from_seq: from } of report.audit) {
    expect(
      Number(
        w.read(`select coalesce(min(seq), ${from}) from audit_events where chain = '${chain}'`),
      ),
    ).toBe(from)
  }
  expect(await verify()).toMatchObject({ ok: true })
  await act(1)
  await keepCheckpoints(first)
  expect(await verify()).toMatchObject({ ok: true })
})

test('another master key takes the place of the old one, and a running server notices nothing', async () => {
  const config = await initialised()
  const path = join(config.home, 'master.key')
  const old = readFileSync(path, 'utf8')
  const running = await openApp(config, { log: keptLog() })
  await rotateMaster(config)
  await Promise.allSettled([rotateMaster(config), rotateMaster(config), rotateMaster(config)])
  const unit = { writes: [], events: [] }
  expect(await running.context.committer.submit(unit)).toBe('committed')
  await running.close()
  const again = await openApp(config, { log: keptLog() })
  await again.close()
  writeFileSync(path, old)
  await expect(openApp(config, { log: keptLog() })).rejects.toMatchObject({ code: 'unavailable' })
})

test('backup files are for stores in a file, and what to do instead is said', async () => {
  const config = await initialised()
  const file = join(config.home, 'backup')
  await expect(backup(config, file)).rejects.toMatchObject({ code: 'unsupported' })
  await expect(restore(config, file, false)).rejects.toMatchObject({ code: 'unsupported' })
})
