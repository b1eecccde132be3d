// Secrets that argon2id confirmed, under a keyed hash, while nothing about their credential changed. Calls
// that present one secret at the same time share one confirmation, so that a host's first burst of calls
// does not fill the queue of the slow hash.

import { LRUCache } from 'lru-cache'
import { keyedHash } from '../crypto/keyed-hash.ts'
import type { Context } from './context.ts'

interface Memory {
  readonly confirmed: LRUCache<string, string>
  readonly underWay: Map<string, Promise<boolean>>
}

const memories = new WeakMap<Context, Memory>()

/** Whether the secret is the one that was hashed; `rate_limited` where too many wait to be told. */
export async function isConfirmed(
  context: Context,
  secret: string,
  passwordHash: string,
): Promise<boolean> {
  const { confirmed, underWay } = memoryOf(context)
  const key = keyedHash(context.keys.memory, secret).toString('base64url')
  if (confirmed.get(key) === passwordHash) return true
  const question = `${key} ${passwordHash}`
  const asked = underWay.get(question) ?? context.hashing.verify(passwordHash, secret)
  underWay.set(question, asked)
  try {
    const isRight = await asked
    if (isRight) confirmed.set(key, passwordHash)
    return isRight
  } finally {
    underWay.delete(question)
  }
}

function memoryOf(context: Context): Memory {
  const known = memories.get(context)
  if (known !== undefined) return known
  const fresh = {
    confirmed: new LRUCache<string, string>({ max: 10_000 }),
    underWay: new Map<string, Promise<boolean>>(),
  }
  memories.set(context, fresh)
  return fresh
}
