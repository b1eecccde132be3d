// Repeats of a call by its idempotency key. What is kept are keyed hashes and the result without what
// was handed out, never a secret (authority: rule 20).

import canonicalize from 'canonicalize'
import { Refusal } from '../core/refusal.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import { answeredBefore, recordAnswer } from '../store/idempotency.ts'
import { one } from '../store/store.ts'
import type { Write } from '../store/store.ts'
import type { Input } from './arguments.ts'
import type { Call, Operation, Outcome } from './operation.ts'

/** The result that was answered to the same call before; the same key with other arguments conflicts. */
export async function findRecorded(
  operation: Operation,
  input: Input,
  call: Call,
): Promise<object | undefined> {
  const keyHash = keyHashOf(operation, call)
  if (keyHash === undefined || call.dryRun) return undefined
  const answered = await one(call.context.store.read(answeredBefore(keyHash)))
  if (answered === undefined) return undefined
  if (answered.argumentsHash !== argumentsHashOf(input, call)) {
    throw new Refusal('conflict', {
      message: 'This idempotency key was used with other arguments.',
      remedy: { text: 'Use a new key for a new request.' },
    })
  }
  return JSON.parse(answered.result) as object
}

/** Records a first answer; nothing for a repeat, which is recorded already. */
export function recordOf(
  operation: Operation,
  input: Input,
  call: Call,
  outcome: Outcome<object>,
): readonly Write[] {
  const keyHash = keyHashOf(operation, call)
  if (keyHash === undefined || outcome.detail?.['repeated'] === true) return []
  if (outcome.refusal !== undefined) return []
  const answered = {
    keyHash,
    operation: operation.name,
    argumentsHash: argumentsHashOf(input, call),
    result: JSON.stringify(outcome.result),
  }
  return [recordAnswer(answered, call.now)]
}

/** Per organisation, authenticating credential or grant, acting grant, operation and key. */
function keyHashOf(operation: Operation, { caller, context, idempotencyKey }: Call) {
  if (idempotencyKey === undefined || operation.effect === 'read') return undefined
  const by = caller.credential?.id ?? caller.own.grant.id
  const under = caller.actsAs ? caller.acting.grant.id : ''
  const parts = [caller.orgId, by, under, operation.name, idempotencyKey]
  return keyedHash(context.keys.arguments, JSON.stringify(parts)).toString('base64url')
}

function argumentsHashOf(input: Input, { context }: Call): string {
  const { idempotency_key: _, ...rest } = input
  return keyedHash(context.keys.arguments, canonicalize(rest) ?? '').toString('base64url')
}
