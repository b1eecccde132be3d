// Two servers on one store under steady calls for minutes: nothing is refused, what they keep in memory stays
// what it was once all that they remember was full, and the log beside the database is emptied again and
// again. REMIT_TEST_SOAK_SECONDS makes it shorter or longer.

import { readFileSync, statSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { medianOf } from '../bench/support/measure.ts'
import { integrity } from '../e2e/aftermath.ts'
import { admin, home, serve } from '../e2e/support.ts'
import type { Fields, Holder, Home, Server } from '../e2e/support.ts'
import { successorOf } from '../e2e/writers.ts'
import { heaps } from './support/heap.ts'
import type { Heaps } from './support/heap.ts'

const seconds = Number(process.env['REMIT_TEST_SOAK_SECONDS'] ?? 600)
/** More than a server remembers of grants and tokens. */
const enough = 10_500
const mebibyte = 1024 * 1024
/** Every revocation and every credential stays known: they may take this much in that time. */
const play = { heap: 12 * mebibyte, resident: 64 * mebibyte }
/** Steady is less than as much as there can be: what waits is no leak. */
const pauseMs = 50
/** SQLite empties the log when it has 4 MiB and nobody reads; it may be read for a while. */
const mostLog = 32 * mebibyte

test(
  `${seconds} s of steady calls leave memory flat and the log bounded`,
  { timeout: (seconds + 600) * 1000 },
  async () => {
    const own = await home()
    const memory = heaps()
    const env = { ...own.env(admin), ...memory.env }
    const servers = await Promise.all([serve(env, 'unchecked'), serve(env, 'unchecked')])
    const rotating = await Promise.all(
      servers.map((server, i) => own.agent(server, `r-${i}`, ['demo:read'])),
    )
    const soak: Soak = { isOver: false, calls: {}, refused: [] }
    await Promise.all(servers.map((server) => fill(soak, server)))

    const callers = servers.flatMap((server, i) => [
      ...Array.from({ length: 4 }, () => callUntilOver(soak, server)),
      rotateUntilOver(soak, server, rotating[i]),
    ])
    const samples = await Promise.race([
      sampled(own, servers, memory),
      Promise.all(callers).then(ended),
    ])
    soak.isOver = true
    await Promise.all(callers)

    say(own, samples, soak.calls)
    expect(soak.refused).toEqual([])
    expect(Math.max(...samples.map(({ log }) => log))).toBeLessThan(mostLog)
    for (const i of servers.keys()) {
      const heap = firstAndLast(samples.map(({ heap: each }) => each[i]))
      expect(heap.last).toBeLessThan(heap.first + play.heap)
      const resident = firstAndLast(samples.map(({ resident: each }) => each[i]))
      expect(resident.last).toBeLessThan(resident.first + play.resident)
    }
    expect((await servers[0]?.call('verify_audit'))?.result['ok']).toBe(true)
    expect(integrity(own)).toBe('ok')
  },
)

interface Soak {
  isOver: boolean
  /** How often each operation was called. */
  readonly calls: Record<string, number>
  /** What was not allowed though it should have been, and the other way round. */
  readonly refused: unknown[]
}

interface Sample {
  /** In bytes, of each server. */
  readonly heap: readonly number[]
  readonly resident: readonly number[]
  readonly log: number
}

async function call(soak: Soak, server: Server, name: string, args: Fields, meta: object = {}) {
  soak.calls[name] = (soak.calls[name] ?? 0) + 1
  const answer = await server.call(name, args, meta)
  if (answer.code !== 'allowed') soak.refused.push({ name, ...answer.result })
  return answer
}

/** Until the server remembers as many grants, and nearly as many tokens, as it ever will. */
async function fill(soak: Soak, server: Server): Promise<void> {
  let left = enough / 2
  const some = async () => {
    while (left-- > 0) await turn(soak, server, { checks: 1, revokes: false })
  }
  await Promise.all(Array.from({ length: 32 }, some))
}

async function callUntilOver(soak: Soak, server: Server): Promise<void> {
  for (let n = 1; !soak.isOver; n++) {
    await turn(soak, server, { checks: 8, revokes: n % 10 === 0 })
    await wait(pauseMs)
  }
}

/** A grant, one below it, what that may do, and at times the end of both. */
async function turn(
  soak: Soak,
  server: Server,
  { checks, revokes }: { readonly checks: number; readonly revokes: boolean },
): Promise<void> {
  const args = { scopes: ['demo:read', 'tokens:delegate'], delivery: 'meta' }
  const parent = await call(soak, server, 'mint_token', args)
  const holder = { 'dev.remit/token': parent.meta['dev.remit/token'] }
  const child = await call(soak, server, 'delegate_token', { scopes: ['demo:read'] }, holder)
  const asked = { permissions: ['demo:read'], grant_id: child.result['grant_id'] }
  const check = async (allowed: boolean) => {
    const { result } = await call(soak, server, 'check_permission', asked)
    if (result['allowed'] !== allowed) soak.refused.push(result)
  }
  for (let n = 0; n < checks; n++) await check(true)
  if (!revokes) return
  await call(soak, server, 'revoke_token', { grant_id: parent.result['grant_id'], cause: 'test' })
  await check(false)
}

/** Far more often than anybody does. */
async function rotateUntilOver(soak: Soak, server: Server, first?: Holder): Promise<void> {
  if (first === undefined) throw new Error('Nobody rotates.')
  const args = { delivery: 'meta', overlap_seconds: 0 }
  for (let holder = first; !soak.isOver; await wait(500)) {
    const answer = await call(soak, server, 'rotate_credential', args, holder.meta)
    if (answer.code !== 'allowed') return
    holder = successorOf(holder, answer)
  }
}

/** As long as the soak takes; the log more often than the memory. */
async function sampled(
  own: Home,
  servers: readonly Server[],
  memory: Heaps,
): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    let log = 0
    for (let n = 0; n < 10; n++) {
      await wait(200)
      log = Math.max(log, statSync(own.file('remit.db-wal')).size)
    }
    const resident = servers.map(({ pid }) => residentBytes(pid))
    const heap = await Promise.all(servers.map(({ pid }) => memory.bytesOf(pid)))
    samples.push({ log, resident, heap })
  }
  return samples
}

const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** Medians of the first and of the last quarter. */
function firstAndLast(samples: readonly (number | undefined)[]) {
  const all = samples.map((sample) => sample ?? Number.NaN)
  const quarter = Math.ceil(all.length / 4)
  return { first: medianOf(all.slice(0, quarter)), last: medianOf(all.slice(-quarter)) }
}

const ended = (): never => {
  throw new Error('The calls ended before their time.')
}

function say(own: Home, samples: readonly Sample[], calls: Soak['calls']): void {
  const tell = (line: string) => void process.stderr.write(`remit: ${line}\n`)
  const shown = (bytes: number) => `${(bytes / mebibyte).toFixed(1)} MiB`
  for (const what of ['heap', 'resident'] as const) {
    for (const i of samples[0]?.[what].keys() ?? []) {
      const { first, last } = firstAndLast(samples.map((sample) => sample[what][i]))
      tell(`server ${i}, ${what}: ${shown(first)} at first, ${shown(last)} in the end`)
    }
  }
  const log = Math.max(...samples.map((sample) => sample.log))
  const database = statSync(own.file('remit.db')).size
  tell(`the log had at most ${shown(log)}, the database has ${shown(database)}`)
  tell(`${JSON.stringify(calls)}, ${seconds} s of them steadily`)
}
