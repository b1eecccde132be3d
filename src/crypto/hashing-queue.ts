// argon2id, the slow hash that keeps agent secrets. It is made to cost memory and time, so it runs a
// few at a time behind a short queue; who comes when that is full is told to come later. What reaches
// it should already have matched a keyed hash (authority: 11), so that garbage cannot fill the queue.

import { createTurnstile } from './turnstile.ts'

export interface Argon2Parameters {
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
}

/** OWASP's second recommendation for argon2id: 19 MiB, two passes, one lane. */
const recommended: Argon2Parameters = { memoryKib: 19 * 1024, passes: 2, lanes: 1 }

export interface HashingQueue {
  /** The encoded hash (PHC string) of a secret under a fresh salt. */
  readonly hash: (secret: string) => Promise<string>
  /** Whether the secret is the one that was hashed; an unreadable hash matches nothing. */
  readonly verify: (encoded: string, secret: string) => Promise<boolean>
}

/** At most `concurrency` at work and `depth` waiting; beyond that it throws `rate_limited`. */
export function createHashingQueue(limits: {
  readonly concurrency: number
  readonly depth: number
  readonly parameters?: Argon2Parameters
}): HashingQueue {
  const { memoryKib, passes, lanes } = limits.parameters ?? recommended
  const options = { memoryCost: memoryKib, timeCost: passes, parallelism: lanes }
  const inTurn = createTurnstile(limits.concurrency, limits.depth)
  return {
    hash: (secret) =>
      inTurn(async () => {
        const { argon2id, hash } = await import('argon2')
        return hash(secret, { ...options, type: argon2id })
      }),
    verify: async (encoded, secret) => {
      if (!phcShape.test(encoded)) return false
      return inTurn(async () => {
        const { verify } = await import('argon2')
        return verify(encoded, secret)
      })
    },
  }
}

// The PHC string as the package writes it, which puts `p` before `t`, and as others write it.
const phcShape =
  /^\$argon2id\$v=19\$m=\d{1,6},(?:p=\d\d?,t=\d\d?|t=\d\d?,p=\d\d?)(?:\$[A-Za-z0-9+/]{11,86}){2}$/
