// How a server ends: what it has begun it finishes, every answer it gave is in the store, and the audit holds
// the checks made just before.
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isOnPostgres } from '../support/database.ts'
import { admin, answerOf, home, start } from './support.ts'
import type { Answer, Fields, Home } from './support.ts'

type Child = ReturnType<typeof start>
type Reply = { id: unknown; result?: object }

const opening = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}
const call = (id: string, name: string, args: Fields) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

/** Mints and checks by turns, as many of each. */
const load = (count: number) =>
  Array.from({ length: count }, (_, i) => [
    call(`mint-${i}`, 'mint_token', { scopes: ['demo:read'], idempotency_key: `mint-${i}` }),
    call(`check-${i}`, 'check_permission', { permissions: [`demo/n${i}:read`] }),
  ]).flat()

const pause = (milliseconds: number) =>
  new Promise((resolve) => void setTimeout(resolve, milliseconds))

async function untilSaid({ said, stdout }: Child, text: string): Promise<void> {
  while (!said.out.includes(text)) await once(stdout, 'data')
}

const send = (child: Child, messages: readonly object[]) =>
  child.stdin.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))

/** The answers to calls whose id begins so. */
function answers(out: string, kind: string): Answer[] {
  const replies = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Reply)
  return replies
    .filter(({ id }) => String(id).startsWith(kind))
    .map(({ result }) => answerOf(result ?? {}))
}

/** What the audit knows of an operation: the ids of its events and what they were about. */
const audited = ({ rows }: Home, operation: string) =>
  rows('select id, target from audit_events where operation = ?', [operation])

async function expectAllKept(own: Home, out: string): Promise<void> {
  const mints = answers(out, 'mint')
  const checks = answers(out, 'check')
  expect([...mints, ...checks].filter(({ code }) => code !== 'allowed')).toEqual([])
  const minted = audited(own, 'mint_token').map(({ target }) => target)
  expect(minted.toSorted()).toEqual(mints.map(({ result }) => result['grant_id']).toSorted())
  const checked = audited(own, 'check_permission').map(({ id }) => id)
  expect(checked).toEqual(
    expect.arrayContaining(checks.map(({ result }) => String(result['decision_id']))),
  )
  expect((await own.run(['audit', 'verify'])).code).toBe(0)
}

test('at the end of input every call is answered, and the audit holds them all', async () => {
  const own = await home()
  const server = start(['stdio'], own.env(admin))
  send(server, [opening, ...load(30)])
  server.stdin.end()
  const { code, out } = await server.ended
  expect(code).toBe(0)
  expect([answers(out, 'mint').length, answers(out, 'check').length]).toEqual([30, 30])
  await expectAllKept(own, out)
})

/** What a signal is does not depend on the engine: one will do on PostgreSQL. */
const signals = isOnPostgres() ? (['SIGTERM'] as const) : (['SIGTERM', 'SIGINT'] as const)

test.each(signals)(
  '%s ends it in order: what was begun is answered and kept, and nothing else was done',
  async (signal) => {
    for (const answered of ['mint-0', 'mint-20']) {
      const own = await home()
      const server = start(['stdio'], own.env(admin))
      send(server, [opening])
      const signalled = untilSaid(server, `"id":"${answered}"`).then(() => server.kill(signal))
      const calls = load(200)
      // Calls keep coming, so that some are under way whenever the signal comes.
      for (let turn = 0; turn < 40; turn++) {
        send(server, calls.slice(turn * 5, turn * 5 + 5))
        await pause(2)
      }
      await signalled
      const { code, out } = await server.ended
      expect(code).toBe(0)
      expect(answers(out, 'mint').length).toBeGreaterThan(0)
      await expectAllKept(own, out)
    }
  },
)

test('a server whose audit takes nothing more ends all the same, and says so', async () => {
  const own = await home()
  const server = start(['stdio'], own.env(admin))
  send(server, [opening, call('whoami', 'whoami', {})])
  await untilSaid(server, '"id":"whoami"')
  // No commit is in flight that the change of the table would meet.
  await expect.poll(() => audited(own, 'whoami').length, { timeout: 20_000 }).toBe(1)
  own.alter('alter table audit_events rename to elsewhere')
  send(server, [call('check-0', 'check_permission', { permissions: ['demo:read'] })])
  await untilSaid(server, '"id":"check-0"')
  server.kill('SIGTERM')
  const { code, err } = await server.ended
  expect(typeof code).toBe('number')
  expect(err).toContain('could not be written')
})

test('a server that is told to end signs where its audit ends', async () => {
  const own = await home()
  const server = start(['stdio'], own.env(admin))
  send(server, [opening, call('check-0', 'check_permission', { permissions: ['demo:read'] })])
  await once(server.stdout, 'data')
  server.kill('SIGTERM')
  expect((await server.ended).code).toBe(0)
  const { json } = await own.run(['server-status', '--json'])
  expect(json['audit']).toMatchObject({ checkpoint_at: expect.any(Number) })
})
