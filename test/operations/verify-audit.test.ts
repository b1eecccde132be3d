// verify_audit: whether the audit is what was written; what it finds is tested with its verification.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { appendCheckpoints } from '../../src/authority/checkpoint-file.ts'
import { keepCheckpoints } from '../../src/authority/checkpointing.ts'
import { signOwnJwt } from '../../src/crypto/own-jwt.ts'
import { verifyAudit } from '../../src/operations/verify-audit.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, refuse, rootOf } from './asking.ts'

test('a whole audit, all of it and in parts', async () => {
  const w = await world()
  await rootOf(w, w.local)
  const report = await ask(w, verifyAudit)
  const count = Number(w.read(`select count(*) from audit_events`))
  // On PostgreSQL each process has a chain of its own.
  const ofAll = report.chains.reduce((sum, each) => sum + each.count, 0)
  expect([report.ok, report.count, ofAll]).toEqual([true, count, count])
  expect(report.chains.map(({ chain }) => chain)).toContain(mainChain(w))
  const part = await ask(w, verifyAudit, { chain: mainChain(w), from_seq: 2, to_seq: 3 })
  expect(part).toMatchObject({ ok: true, count: 2 })
})

test('damage is told with its place', async () => {
  const w = await world()
  await rootOf(w, w.local)
  w.tamper(
    `update audit_events set operation = 'whoami' where seq = 2 and chain = '${mainChain(w)}'`,
  )
  const { ok, chains } = await ask(w, verifyAudit)
  expect({ ok, bad: chains.filter((each) => each.first_bad_seq !== undefined) }).toEqual({
    ok: false,
    bad: [
      {
        chain: mainChain(w),
        count: 1,
        head: expect.any(String),
        first_bad_seq: 2,
        what: 'edited',
      },
    ],
  })
})

test('what is kept outside the database must be found in it', async () => {
  const checkpoints = join(temporaryFolder(), 'kept.jsonl')
  const w = await world({ settings: { checkpoints } })
  await rootOf(w, w.local)
  await keepCheckpoints(w.context)
  expect((await ask(w, verifyAudit)).ok).toBe(true)
  // Signed by this store, and of an event that it no longer has.
  const chain = mainChain(w)
  const { signer } = w.context.ring.signer('checkpoint')
  const lost = { chain, seq: 500, head: 'x', at: w.now() }
  const statement = { iss: w.issuer, server_id: w.serverId, ...lost }
  await appendCheckpoints(checkpoints, [{ ...lost, signed: signOwnJwt(signer, statement) }])
  const { ok, chains } = await ask(w, verifyAudit)
  expect(ok).toBe(false)
  const bad = chains.find((each) => each.chain === chain)
  expect(bad).toMatchObject({ what: 'truncated', first_bad_seq: (bad?.count ?? 0) + 1 })
})

test('refused as it must be', async () => {
  const w = await world()
  expect(await refuse(w, verifyAudit, {}, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['audit:verify'],
    missing_at: w.local.id,
  })
  const { admin } = await w.addOrg('other')
  expect(await refuse(w, verifyAudit, {}, admin)).toMatchObject({ code: 'insufficient_scope' })
  expect(await refuse(w, verifyAudit, { chain: 'other' })).toMatchObject({ code: 'not_found' })
  for (const malformed of [{ from_seq: 0 }, { to_seq: 1.5 }, { from_seq: 3, to_seq: 2 }]) {
    expect(await refuse(w, verifyAudit, malformed)).toMatchObject({ code: 'invalid_request' })
  }
})

const mainChain = (w: World) => String(w.read(`select chain from audit_events limit 1`))
