// Whatever goes wrong under two servers while they are called: what they acknowledged is so, what they did not is
// had by the same call once the fault is over, and nobody has to repair anything. A server that ended, or
// that takes nothing more because its disk failed, is started again, as its host would.
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { rounds } from '../support/rounds.ts'
import { seeded } from '../support/seeded.ts'
import { randomFaults } from '../long/support/random-faults.ts'
import { expectWhole, integrity, repeatAll } from './aftermath.ts'
import { admin, home, serve } from './support.ts'
import type { Env, Server } from './support.ts'
import { newLedger, send, settle } from './writers.ts'
import type { Ledger, Sent } from './writers.ts'

const faults = rounds({ short: 5, long: 500 })
const chance = seeded()

test(
  `${faults} random faults: nothing is acknowledged that is not so (seed ${chance.seed})`,
  { timeout: 60_000 + faults * 20_000 },
  async () => {
    const own = await home()
    const { env: faulty, choose } = await randomFaults(own)
    const env = { ...own.env(admin), ...faulty }
    const servers = await Promise.all([serve(env, 'unchecked'), serve(env, 'unchecked')])
    const ledger = newLedger()
    let refused = 0
    for (let n = 0; n < faults; n++) {
      const fault = choose(servers, chance)
      const parentId = await aParent(ledger, servers)
      const beginning = fault.begin()
      const sent = await burst(ledger, servers, parentId)
      await (
        await beginning
      )()
      refused += sent.filter(({ answer }) => answer === undefined).length
      try {
        await recover(servers, env)
        const server = chance.of(servers)
        await repeatAll(ledger, server, sent, [])
        expectWhole(own)
        expect(own.first('select count(*) from grants where standing = 0')).toBe(ledger.grants.size)
        const isTime = n % 25 === 24 || n === faults - 1
        expect(!isTime || (await server.call('verify_audit')).result['ok']).toBe(true)
      } catch (error) {
        throw new Error(`fault ${n}, ${fault.what}, seed ${chance.seed}`, { cause: error })
      }
    }
    process.stderr.write(`remit: ${refused} calls were not acknowledged in ${faults} faults\n`)
    expect((await own.run(['audit', 'verify'])).code).toBe(0)
    expect((await own.run(['doctor'])).code).toBe(0)
    expect(integrity(own)).toBe('ok')
  },
)

/** A grant of this round to delegate from, which is not revoked. */
async function aParent(ledger: Ledger, [server]: readonly Server[]): Promise<string> {
  if (server === undefined) throw new Error('There is no server.')
  const asked = { scopes: ['demo:read', 'tokens:delegate'], grant_ttl_seconds: 86_400 }
  const parent = await send(ledger, server, 'mint_token', asked)
  expect(parent?.code).toBe('allowed')
  const id = String(parent?.result['grant_id'])
  ledger.grants.add(id)
  settle(ledger)
  return id
}

/** Calls of every kind at both servers, some after the other; a refusal is no answer to rely on. */
async function burst(
  ledger: Ledger,
  servers: readonly Server[],
  act_as: string,
): Promise<readonly Sent[]> {
  const long = { scopes: ['demo:read'], grant_ttl_seconds: 86_400 }
  const one = async (server: Server) => {
    await wait(chance.below(20))
    const minted = await send(ledger, server, 'mint_token', long)
    await send(ledger, server, 'delegate_token', { ...long, act_as })
    if (minted?.code !== 'allowed') return
    const grant_id = String(minted.result['grant_id'])
    ledger.grants.add(grant_id)
    if (chance.below(2) === 0) return
    ledger.revoking.add(grant_id)
    await send(ledger, server, 'revoke_token', { grant_id, cause: 'test' })
  }
  await Promise.all([0, 1, 2].flatMap(() => servers.map(one)))
  return settle(ledger).map(({ answer, ...call }): Sent =>
    answer?.code === 'allowed' ? { ...call, answer } : call,
  )
}

/** Every server goes on by itself, or does once it was started again. */
async function recover(servers: Server[], env: Env): Promise<void> {
  for (const [i, server] of servers.entries()) {
    if (await goesOn(server)) continue
    await server.kill().catch(() => undefined)
    servers[i] = await serve(env, 'unchecked')
    expect(await goesOn(servers[i])).toBe(true)
  }
}

async function goesOn(server: Server): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    const answer = await server.call('set_agent_status', still).catch(() => undefined)
    if (answer === undefined) return false
    if (answer.text.includes('takes nothing more')) return false
    // What ends authority does not wait for the audit of other calls; everything else does.
    if (answer.code === 'allowed' && (await server.call('whoami')).code === 'allowed') return true
    await wait(100)
  }
  return false
}

/** A change that changes nothing. */
const still = { agent: 'local', status: 'active', cause: 'test' }
