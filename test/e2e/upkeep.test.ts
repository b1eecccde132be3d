// Upkeep of a store that is in use, with real processes: a master key that is replaced by a process that is
// killed, signing keys that rotate under tokens in flight.
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { rounds } from '../support/rounds.ts'
import { admin, home, serve, start } from './support.ts'
import type { Server } from './support.ts'

const kills = rounds({ short: 3, long: 100 })

test(
  `a master key that is replaced by a process which is killed, ${kills} times, locks nobody out`,
  { timeout: kills * 30_000 },
  async () => {
    const own = await home()
    const running = await serve(own.env(admin), 'unchecked')
    const begun = Date.now()
    expect((await own.run(['keys', 'rotate-master'])).code).toBe(0)
    const whole = Date.now() - begun
    let killed = 0
    for (let round = 0; round < kills; round++) {
      const child = start(['keys', 'rotate-master'], own.env())
      await wait(whole * (0.2 + (0.8 * round) / kills))
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
  for (let n = 0; n < 12 || seen.used <= 12; n++) {
    const { code, result } = await (n % 2 === 0 ? first : second).call('rotate_signing_key')
    expect(code).toBe('allowed')
    seen.keys.add(result['kid'])
    await wait(20)
  }
  rotating = false
  await Promise.all(flying)
  expect(seen.keys.size).toBeGreaterThanOrEqual(12)
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
