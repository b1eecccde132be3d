// Guesses at an agent's credentials, counted by the minute in each process. Whoever guesses on is told to stop
// and stands out in the audit; what is right is never counted and never held up, so nobody can lock an agent
// out. (How much one source may ask at all, its door says.)

import { LRUCache } from 'lru-cache'
import { Refusal } from '../core/refusal.ts'
import { refused } from './authenticated.ts'
import type { Authenticated } from './authenticated.ts'
import type { Context } from './context.ts'
import type { Presented } from './presented.ts'

/** Per agent and minute: far above what a wrong configuration does by itself. */
const mostGuesses = 600

const counts = new WeakMap<Context, LRUCache<string, number>>()

/** The answer as it is, or that there were too many wrong ones. */
export function countGuess(
  context: Context,
  presented: Presented,
  answer: Authenticated,
): Authenticated {
  const isGuess = !answer.ok && answer.known === undefined
  if (!isGuess || !('agentId' in presented) || presented.agentId === undefined) return answer
  const guesses = counts.get(context) ?? new LRUCache<string, number>({ max: 10_000 })
  counts.set(context, guesses)
  const key = `${presented.agentId}/${Math.floor(context.now() / 60)}`
  const made = (guesses.get(key) ?? 0) + 1
  guesses.set(key, made)
  if (made <= mostGuesses) return answer
  return refused(
    new Refusal('rate_limited', {
      message: 'Too many credentials of this agent were wrong.',
      remedy: { text: 'Wait a minute; a right one is taken at any time.' },
      finding: 'guessed_credentials',
    }),
  )
}
