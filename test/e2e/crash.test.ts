// A server is killed under load, again and again: what it acknowledged is there, nothing is half done, the
// audit verifies, and an answer that was lost is had by repeating the call.
import { copyFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isOnPostgres } from '../support/database.ts'
import { rounds } from '../support/rounds.ts'
import { seeded } from '../support/seeded.ts'
import { expectWhole, fileOnce, integrity, recoverFile, repeatAll } from './aftermath.ts'
import type { Filing } from './aftermath.ts'
import { admin, home, local, serve } from './support.ts'
import type { Holder } from './support.ts'
import { newLedger, send, settle, successorOf, writeUntilGone } from './writers.ts'
import type { Ledger, Sent } from './writers.ts'

const crashes = rounds({ short: isOnPostgres() ? 3 : 12, long: 200 })
const chance = seeded()

test(
  `${crashes} crashes under load lose nothing and lock nobody out (seed ${chance.seed})`,
  { timeout: crashes * 60_000 },
  async () => {
    const own = await home()
    const ledger = newLedger()
    const rotating: { holder: Holder }[] = []
    const filing: Filing = { key: 0, isLost: false }
    let crashed: readonly Sent[] = []
    // More often where chance has not yet struck everything once.
    const isDone = (round: number) => round >= crashes && (wasStruck(ledger) || round > crashes * 5)
    for (let round = 0; ; round++) {
      await recoverFile(own, filing)
      const server = await serve(own.env(admin), 'unchecked')
      if (round === 0) {
        const agent = async (name: string) => ({
          holder: await own.agent(server, name, ['demo:read']),
        })
        rotating.push(await agent('first'), await agent('second'))
      }
      // A second process, whose own credential file is at stake, in every fifth round.
      const filer = round % 5 === 0 ? await serve(own.env(local), 'unchecked') : undefined
      expect((await filer?.call('whoami'))?.code ?? 'allowed').toBe('allowed')
      expectWhole(own)
      await repeatAll(ledger, server, crashed, rotating)
      expect(own.first('select count(*) from grants where standing = 0')).toBe(ledger.grants.size)
      expect(own.first(`select count(distinct target) from revocations where kind = 'grant'`)).toBe(
        ledger.revoking.size,
      )
      expect((await server.call('verify_audit')).result['ok']).toBe(true)
      if (isDone(round)) break

      const parent = await send(ledger, server, 'mint_token', {
        scopes: ['demo:read', 'tokens:delegate'],
        grant_ttl_seconds: 86_400,
      })
      const parentId = String(parent?.result['grant_id'])
      ledger.grants.add(parentId)
      settle(ledger)
      const writers = [
        ...writeUntilGone(ledger, server, parentId, rotating),
        ...(filer === undefined ? [] : [fileOnce(filer, filing)]),
      ]
      await randomMoment(round, ledger)
      await Promise.all([server.kill(), filer?.kill()])
      await Promise.all(writers)
      crashed = settle(ledger)
      expect(refusals(crashed)).toEqual([])
    }
    expect(ledger).toSatisfy(wasStruck)
    expect((await own.run(['audit', 'verify'])).code).toBe(0)
    expect((await own.run(['doctor'])).code).toBe(0)
    expect(integrity(own)).toBe('ok')
  },
)

test.each([0, 3600])(
  'a rotation that was answered to nobody is repeated by the old secret, overlap %i',
  async (overlap_seconds) => {
    const own = await home()
    const before = await serve(own.env(admin))
    const old = await own.agent(before, 'worker', ['demo:read'])
    const args = { delivery: 'meta', overlap_seconds, idempotency_key: 'lost' }
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

/** Whether each kind of call was answered and, of many crashes, one lost the answer that is hardest to repeat. */
const wasStruck = ({ acknowledged, lost }: Ledger): boolean =>
  operations.every((name) => (acknowledged[name] ?? 0) > 0) &&
  (crashes < 100 || (lost['rotate_credential'] ?? 0) > 0)

const refusals = (sent: readonly Sent[]) =>
  sent.filter(({ answer }) => answer !== undefined && answer.code !== 'allowed')

/** By the clock, or by what was acknowledged: early in some calls, late in others, and once after all kinds. */
async function randomMoment(round: number, ledger: Ledger): Promise<void> {
  const pause = (most: number) =>
    new Promise((resolve) => void setTimeout(resolve, chance.below(most)))
  if (round % 2 === 0) return void (await pause(150))
  const enough = 1 + chance.below(30)
  const answered = () => ledger.sent.filter(({ answer }) => answer !== undefined)
  const isEnough = () =>
    round === 1
      ? operations.every((kind) => answered().some(({ name }) => name === kind))
      : answered().length >= enough
  while (!isEnough()) await pause(2)
  await pause(5)
}
