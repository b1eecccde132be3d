// A server is killed under load, again and again: what it acknowledged is there, nothing is half done, the
// audit verifies, and an answer that was lost is had by repeating the call. REMIT_TEST_ROUNDS makes it longer.
import { copyFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isOnPostgres } from '../support/database.ts'
import { admin, home, jsonFile, local, serve } from './support.ts'
import type { Holder, Home, Server } from './support.ts'
import {
  delegateUntilGone,
  mintUntilGone,
  newLedger,
  revokeUntilGone,
  rotateUntilGone,
  send,
  settle,
  successorOf,
} from './writers.ts'
import type { Ledger, Sent } from './writers.ts'

const rounds = Math.max(25, Number(process.env['REMIT_TEST_ROUNDS'] ?? 0))

test(
  `${rounds} crashes under load lose nothing and lock nobody out`,
  { timeout: rounds * 12_000 },
  async () => {
    const own = await home()
    const ledger = newLedger()
    const rotating = [
      { holder: await own.agent('first', ['demo:read']) },
      { holder: await own.agent('second', ['demo:read']) },
    ]
    const filing: Filing = { key: 0, isLost: false }
    let crashed: readonly Sent[] = []
    for (let round = 0; round <= rounds; round++) {
      await recoverFile(own, filing)
      const [server, filer] = await Promise.all([
        serve(own.env(admin), 'unchecked'),
        serve(own.env(local), 'unchecked'),
      ])
      expect((await filer.call('whoami')).code).toBe('allowed')
      expectWhole(own)
      await repeatAll(ledger, server, crashed, rotating)
      expect(own.first('select count(*) from grants where standing = 0')).toBe(ledger.grants.size)
      expect((await server.call('verify_audit')).result['ok']).toBe(true)
      if (round === rounds) break

      const parent = await send(ledger, server, 'mint_token', {
        scopes: ['demo:read', 'tokens:delegate'],
        grant_ttl_seconds: 86_400,
      })
      const parentId = String(parent?.result['grant_id'])
      ledger.grants.add(parentId)
      settle(ledger)
      const writers = [
        mintUntilGone(ledger, server),
        mintUntilGone(ledger, server),
        delegateUntilGone(ledger, server, parentId),
        revokeUntilGone(ledger, server),
        ...rotating.map((agent) => rotateUntilGone(ledger, server, agent)),
        fileOnce(filer, filing),
      ]
      await randomMoment(round, ledger)
      await Promise.all([server.kill(), filer.kill()])
      await Promise.all(writers)
      crashed = settle(ledger)
      expect(refusals(crashed)).toEqual([])
    }
    expect(Math.min(...operations.map((name) => ledger.acknowledged[name] ?? 0))).toBeGreaterThan(0)
    expect(ledger.lost['rotate_credential']).toBeGreaterThan(0)
    expect((await own.run(['audit', 'verify'])).code).toBe(0)
    expect((await own.run(['doctor'])).code).toBe(0)
    expect(integrity(own)).toBe('ok')
  },
)

test.each([0, 3600])(
  'a rotation that was answered to nobody is repeated by the old secret, overlap %i',
  async (overlap_seconds) => {
    const own = await home()
    const old = await own.agent('worker', ['demo:read'])
    const args = { delivery: 'meta', overlap_seconds, idempotency_key: 'lost' }
    const before = await serve(own.env(admin))
    const lost = await before.call('rotate_credential', args, old.meta)
    await before.kill()
    const server = await serve(own.env(admin))
    const again = await server.call('rotate_credential', args, old.meta)
    expect(again.result).toMatchObject({ credential_id: lost.result['credential_id'] })
    const codeOf = async ({ meta }: Holder) => (await server.call('whoami', {}, meta)).code
    expect([
      await codeOf(successorOf(old, again)),
      await codeOf(successorOf(old, lost)),
      await codeOf(old),
    ]).toEqual(['allowed', 'invalid_client', overlap_seconds === 0 ? 'invalid_client' : 'allowed'])
  },
)

test('a crash before the credential file was replaced is mended by repeating the rotation', async () => {
  const own = await home()
  copyFileSync(own.file(local), own.file('before.json'))
  const args = { overlap_seconds: 0, idempotency_key: 'lost' }
  const before = await serve(own.env(local))
  expect((await before.call('rotate_credential', args)).code).toBe('allowed')
  await before.kill()
  copyFileSync(own.file('before.json'), own.file(local))
  const old = await serve(own.env(local))
  expect((await old.call('whoami')).code).toBe('invalid_client')
  const repeated = await old.call('rotate_credential', args)
  expect(repeated.result['delivery']).toEqual({ kind: 'file', path: own.file(local) })
  expect((await (await serve(own.env(local))).call('whoami')).code).toBe('allowed')
})

const operations = ['mint_token', 'delegate_token', 'revoke_token', 'rotate_credential']

const refusals = (sent: readonly Sent[]) =>
  sent.filter(({ answer }) => answer !== undefined && answer.code !== 'allowed')

/** By the clock, or by what was acknowledged: early in some calls, late in others. */
async function randomMoment(round: number, ledger: Ledger): Promise<void> {
  const pause = (most: number) =>
    new Promise((resolve) => void setTimeout(resolve, Math.random() * most))
  if (round % 2 === 0) return void (await pause(150))
  const enough = 1 + Math.floor(Math.random() * 30)
  while (ledger.sent.filter(({ answer }) => answer !== undefined).length < enough) await pause(2)
  await pause(5)
}

/** Everything acknowledged is there; everything else is had by the same call again. */
async function repeatAll(
  ledger: Ledger,
  server: Server,
  crashed: readonly Sent[],
  rotating: readonly { holder: Holder }[],
): Promise<void> {
  const { grants, revoking } = ledger
  const repeatable = crashed.filter(({ name, answer }) => {
    const isRevoked = revoking.has(String(answer?.result['grant_id']))
    return name !== 'rotate_credential' && !isRevoked
  })
  const repeated = await Promise.all(
    repeatable.map(async ({ name, args, meta, answer }) => {
      const again = await server.call(name, args, meta)
      const isRevocation = name === 'revoke_token'
      const id = isRevocation ? args['grant_id'] : again.result['grant_id']
      if (!isRevocation) grants.add(String(id))
      const { result } = await server.call('introspect_token', { grant_id: id })
      return {
        found: { name, code: again.code, id, active: result['active'] },
        expected: {
          name,
          code: 'allowed',
          id: answer?.result['grant_id'] ?? id,
          active: !isRevocation,
        },
      }
    }),
  )
  expect(repeated.map(({ found }) => found)).toEqual(repeated.map(({ expected }) => expected))
  for (const agent of rotating) {
    const lost = crashed.find(({ meta, answer }) => meta === agent.holder.meta && !answer)
    agent.holder = await repeatRotation(server, agent.holder, lost)
    expect((await server.call('whoami', {}, agent.holder.meta)).code).toBe('allowed')
  }
}

/** By the secret that the lost answer would have replaced. */
async function repeatRotation(server: Server, holder: Holder, lost: Sent | undefined) {
  if (lost === undefined) return holder
  return successorOf(holder, await server.call(lost.name, lost.args, lost.meta))
}

interface Filing {
  key: number
  isLost: boolean
}

/** The server's own credential file, once per process: from then on its credential is retiring. */
async function fileOnce(server: Server, filing: Filing): Promise<void> {
  filing.isLost = true
  filing.key += 1
  const args = { overlap_seconds: 3600, idempotency_key: `file-${filing.key}` }
  const answer = await server.call('rotate_credential', args).catch(() => undefined)
  if (answer === undefined) return
  expect(answer.code).toBe('allowed')
  filing.isLost = false
}

/** Whichever credential the file holds after the crash, it can rotate, or repeat what it did. */
async function recoverFile(own: Home, filing: Filing): Promise<void> {
  expect(jsonFile(own.file(local))['agent_id']).toBe(own.made.local.agent_id)
  if (!filing.isLost) return
  const key = `file-${filing.key}`
  const line = ['rotate-credential', '--overlap-seconds', '3600', '--idempotency-key', key]
  const { code, err } = await own.run(line, { env: { REMIT_CREDENTIAL_FILE: local } })
  expect([code, err]).toEqual([0, ''])
  filing.isLost = false
}

/** What would be there if a change had been made in part. */
const halves = {
  'a grant without its token': `
    select count(*) from grants g where g.standing = 0
      and not exists (select 1 from tokens t where t.grant_id = g.id)`,
  'a grant without its event': `
    select count(*) from grants g where g.standing = 0
      and not exists (
        select 1 from audit_events e
        where e.target = g.id and e.operation in ('mint_token', 'delegate_token')
      )`,
  'an event without its grant': `
    select count(*) from audit_events e
    where e.operation in ('mint_token', 'delegate_token') and e.outcome = 'allowed'
      and not exists (select 1 from grants g where g.id = e.target)`,
  'a grant without its idempotency record, or the record alone': `
    select (select count(*) from grants where standing = 0)
      - (select count(*) from idempotency where operation in ('mint_token', 'delegate_token'))`,
  'a revocation without its event': `
    select count(*) from revocations r where r.kind = 'grant'
      and not exists (
        select 1 from audit_events e where e.target = r.target and e.operation = 'revoke_token'
      )`,
  'an event without its revocation': `
    select count(*) from audit_events e
    where e.operation = 'revoke_token' and e.outcome = 'allowed'
      and e.detail not like '%"repeated":true%'
      and not exists (select 1 from revocations r where r.target = e.target)`,
  'a rotation without its successor': `
    select count(*) from credentials old where old.rotated_to is not null
      and not exists (
        select 1 from credentials c where c.id = old.rotated_to and c.rotated_from = old.id
      )`,
  'a successor without its rotation': `
    select count(*) from credentials c where c.rotated_from is not null
      and not exists (
        select 1 from credentials old where old.id = c.rotated_from and old.rotated_to is not null
      )`,
}

function expectWhole(own: Home): void {
  const found = Object.entries(halves).map(([what, sql]) => [what, own.first(sql)])
  expect(found.filter(([, number]) => number !== 0)).toEqual([])
}

const integrity = (own: Home): unknown =>
  isOnPostgres() ? 'ok' : own.first('pragma integrity_check')
