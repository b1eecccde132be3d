// PostgreSQL keeps no U+0000 in a text, which SQLite does: whoever sends one is told so, or is nobody, and
// never hears of an error of the database.

import { expect, test } from 'vitest'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { everyCall, nothing } from '../support/every-operation.ts'
import { world } from '../support/world.ts'

const bad = 'a\u0000b'

/** The same arguments with one text after the other replaced. */
function spoilt(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return [bad, `${value}\u0000`]
  if (Array.isArray(value)) {
    return value.flatMap((each, i) => spoilt(each).map((s) => value.with(i, s)))
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) =>
    spoilt(each).map((s) => ({ ...value, [name]: s })),
  )
}

const more = { idempotency_key: 'k', cursor: 'c', task: 't', act_as: 'g', label: 'l', owner: 'o' }

/** Those about such a permission, token or request have an answer, which is no. */
const questions = new Set(['check_permission', 'introspect_token', 'verify_request'])

test('U+0000 in any argument is refused as what it is', async () => {
  const w = await world()
  const calls = everyCall(nothing).flatMap(({ operation, args }) =>
    [...spoilt(args), ...spoilt(more).map((s) => ({ ...args, ...(s as object) }))].map((each) => ({
      operation,
      args: each as Record<string, unknown>,
    })),
  )
  const broken: unknown[] = []
  for (const { operation, args } of calls) {
    const answer = await Promise.resolve(w.call(operation, args)).catch(String)
    const code = typeof answer === 'string' ? answer : answer.ok ? 'allowed' : answer.refusal.code
    const isAnswered = code === 'allowed' && !questions.has(operation.name)
    if (isAnswered || code === 'unavailable' || typeof answer === 'string') {
      broken.push([operation.name, args, code])
    }
  }
  expect(calls.length).toBeGreaterThan(300)
  expect(broken).toEqual([])
})

test.each([
  { 'dev.remit/token': bad },
  { 'dev.remit/api_key': `rmt_key_${bad}` },
  { 'dev.remit/agent_id': bad, 'dev.remit/agent_secret': bad },
  { 'dev.remit/agent_id': bad, 'dev.remit/client_assertion': bad },
])('U+0000 in what is presented is nobody: %j', async (meta) => {
  const w = await world()
  const answer = await w.call(listPermissions, {}, w.admin, { meta })
  expect(answer.ok ? 'allowed' : answer.refusal.code).toMatch(/^invalid_(client|token|request)$/)
  await w.context.audit.flush()
})
