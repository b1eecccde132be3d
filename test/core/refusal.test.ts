import { describe, expect, it } from 'vitest'

import {
  exitCodeOf,
  httpStatusOf,
  Refusal,
  refusalCodes,
  refuseAll,
} from '../../src/core/refusal.ts'
import { remedies } from '../../src/core/remedies.ts'
import type { Failure } from '../../src/core/refusal.ts'

describe('a refusal code', () => {
  it('leaves by every door in its own way, and there is no other', () => {
    expect(refusalCodes.map((code) => [code, httpStatusOf(code), exitCodeOf(code)])).toEqual([
      ['invalid_request', 400, 2],
      ['unknown_operation', 404, 2],
      ['unsupported', 501, 1],
      ['server_error', 500, 1],
      ['unavailable', 503, 7],
      ['rate_limited', 429, 1],
      ['not_found', 404, 5],
      ['conflict', 409, 6],
      ['invalid_client', 401, 4],
      ['invalid_token', 401, 4],
      ['invalid_scope', 400, 2],
      ['insufficient_scope', 403, 3],
      ['invalid_target', 400, 3],
      ['exceeds_parent', 403, 3],
      ['exceeds_ceiling', 403, 3],
      ['ancestor_revoked', 401, 4],
      ['depth_exhausted', 403, 3],
      ['uses_exhausted', 403, 3],
      ['agent_suspended', 403, 3],
      ['replay_detected', 401, 4],
      ['task_mismatch', 403, 3],
      ['binding_downgrade', 403, 3],
      ['handoff_already_claimed', 409, 6],
      ['wrong_credential_class', 401, 4],
    ])
  })

  it.each(refusalCodes)('says something of its own: %s', (code) => {
    const { message } = new Refusal(code)
    expect(refusalCodes.filter((other) => new Refusal(other).message === message)).toEqual([code])
  })
})

describe('a refusal', () => {
  it('says its code and a fixed text when nothing more is known', () => {
    expect(new Refusal('not_found').toError()).toEqual({
      code: 'not_found',
      message: 'Nothing is known under that name or id.',
      remedy: { text: remedies.not_found },
    })
  })

  it('tells all that would help and keeps what is for the log', () => {
    const refusal = new Refusal('insufficient_scope', {
      message: 'No.',
      missing: ['a:read'],
      missing_at: 'grt_1',
      remedy: { text: 'Ask.', operation: 'delegate_token', arguments: { scopes: ['a:read'] } },
      failures: [{ code: 'insufficient_scope', dimension: 'permission', asked: 'a:read' }],
      decision_id: 'evt_1',
      finding: 'forged_claims',
      cause: new Error('private'),
    })
    expect(refusal.toError()).toEqual({
      code: 'insufficient_scope',
      message: 'No.',
      missing: ['a:read'],
      missing_at: 'grt_1',
      remedy: { text: 'Ask.', operation: 'delegate_token', arguments: { scopes: ['a:read'] } },
      failures: [{ code: 'insufficient_scope', dimension: 'permission', asked: 'a:read' }],
      decision_id: 'evt_1',
    })
    expect(JSON.stringify(refusal.toError())).not.toMatch(/private|forged/)
  })

  it('is an error with its cause', () => {
    const cause = new Error('disk')
    const refusal = new Refusal('unavailable', { cause })
    expect(refusal).toBeInstanceOf(Error)
    expect([refusal.name, refusal.message, refusal.cause]).toEqual([
      'Refusal',
      'The server cannot answer now.',
      cause,
    ])
  })

  it('stays the same when it gets the name of its audit event', () => {
    const refusal = new Refusal('conflict', { missing_at: 'crd_1', finding: 'second_claim' })
    const named = refusal.withDecision('evt_1')
    expect(named.toError()).toEqual({ ...refusal.toError(), decision_id: 'evt_1' })
    expect(named.detail.finding).toBe('second_claim')
    expect(refusal.toError()).toEqual({
      code: 'conflict',
      message: 'The present state does not allow this.',
      missing_at: 'crd_1',
      remedy: { text: remedies.conflict },
    })
  })
})

describe('many failures', () => {
  const failures: [Failure, Failure] = [
    { code: 'task_mismatch', dimension: 'task', asked: 'b', allowed: 'a', missing_at: 'grt_1' },
    { code: 'exceeds_parent', dimension: 'uses', asked: 5, allowed: 2, missing_at: 'grt_2' },
  ]

  it('make one refusal, with the code and place of the first', () => {
    expect(refuseAll(failures).toError()).toEqual({
      code: 'task_mismatch',
      message: 'The task is not the one this was granted for.',
      missing_at: 'grt_1',
      remedy: { text: remedies.task_mismatch },
      failures,
    })
  })

  it('may be told with words and a place of one’s own', () => {
    expect(refuseAll(failures, { message: 'No.', missing_at: 'agt_1' }).toError()).toEqual({
      code: 'task_mismatch',
      message: 'No.',
      missing_at: 'agt_1',
      remedy: { text: remedies.task_mismatch },
      failures,
    })
  })

  it('name no place when the first has none', () => {
    const failure: Failure = { code: 'invalid_scope', dimension: 'scopes', asked: [] }
    expect(refuseAll([failure]).toError()).toEqual({
      code: 'invalid_scope',
      message: 'A scope is malformed or not registered.',
      remedy: { text: remedies.invalid_scope },
      failures: [failure],
    })
  })
})
