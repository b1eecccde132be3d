// A server of the tests' own that writes to the disk as one in use does, killed with -9 under load and started
// again: what was acknowledged is there, and whoever used it recovers without being told.

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { chainVerifier } from '../../src/core/audit-link.ts'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { putAgent } from '../../src/store/agents.ts'
import { chainHeads, eventsOfChain } from '../../src/store/audit.ts'
import { changesAfter, facts, insertFact } from '../../src/store/facts.ts'
import type { Store } from '../../src/store/store.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { rounds } from '../support/rounds.ts'
import { agent } from '../support/state.ts'
import { openPostgres, testKeys, unitOf } from '../support/postgres-store.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres([])
})
afterAll(() => server.stop())

const crashes = rounds({ short: 3, long: 50 })
vi.setConfig({ testTimeout: 60_000 + crashes * 20_000 })

test(`nothing acknowledged is lost in ${crashes} crashes of the server, and nothing is made up`, async () => {
  const stores = await Promise.all([0, 1].map(() => openPostgres(server.url)))
  const acknowledged: string[] = []
  const refused: string[] = []
  let n = 0
  const write = async (store: Store): Promise<void> => {
    for (let failures = 0; failures < 1;) {
      n += 1
      const name = `agt_${n}`
      try {
        const unit = unitOf(insertFact(name, '1'), putAgent(agent({ id: name, name })))
        const [result] = await store.commit([unit], 1)
        if (result?.ok === true) acknowledged.push(name)
        else refused.push(name)
      } catch {
        failures += 1
      }
    }
  }
  for (let round = 0; round < crashes; round++) {
    const before = acknowledged.length
    const writers = stores.flatMap((store) => [write(store), write(store), write(store)])
    await expect.poll(() => acknowledged.length, { interval: 5 }).toBeGreaterThan(before + 20)
    process.kill(server.pid(), 'SIGKILL')
    await Promise.all(writers)
    await pause(1_000)
    await server.startAgain()
    for (const store of stores) {
      await expect.poll(() => answers(store), { timeout: 30_000, interval: 100 }).toBe(true)
      const kept = new Set((await store.read(facts)).map(({ name }) => name))
      expect(acknowledged.filter((name) => !kept.has(name))).toEqual([])
    }
  }
  const [store] = stores
  if (store === undefined) throw new Error('There is no store.')
  expect(refused).toEqual([])
  const changes = await store.read(changesAfter(0))
  expect(changes.map(({ seq }) => seq)).toEqual(changes.map((_, i) => i + 1))
  const kept = (await store.read(facts)).map(({ name }) => name)
  expect(changes.map(({ id }) => id).toSorted()).toEqual(kept.toSorted())
  for (const head of await store.read(chainHeads)) {
    const verifier = chainVerifier(auditHash(testKeys))
    for (const each of await store.read(eventsOfChain(head.chain, 1, 100_000))) verifier.add(each)
    expect(verifier.verdict(head)).toEqual({ ok: true, count: head.seq, head: head.hash })
  }
})

const answers = async (store: Store): Promise<boolean> => {
  try {
    await store.changedElsewhere()
    await store.read(facts)
    return true
  } catch {
    return false
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))
