// The calls that have come in and not been answered. Their number is bounded, so that however many are
// sent, the unread ones wait in the caller's pipe and not in our memory.
import type { Message, RequestId } from './message.ts'

/** Reading stops while this many calls are unanswered. */
export const MAX_IN_FLIGHT = 1024

export interface InFlight {
  received(message: Message): void
  answered(message: object): void
  /**
   * Whether a message cancels a call in flight. It goes no further: nothing can be taken back once it has
   * begun, so a cancelled call is answered like any other.
   */
  cancelsCall(message: Message): boolean
  readonly count: number
}

/** `onChange` is called at every answer. */
export function createInFlight(onChange: () => void): InFlight {
  // Counted by id, because nothing keeps a caller from using one twice.
  const pending = new Map<unknown, number>()
  let count = 0
  return {
    received({ id, method }) {
      // A subscription stays open for as long as the connection: it is not waiting for its answer.
      if (id === undefined || method === 'subscriptions/listen') return
      pending.set(id, (pending.get(id) ?? 0) + 1)
      count += 1
    },
    answered(message) {
      const { id } = message as { id?: RequestId }
      const calls = pending.get(id)
      if (calls === undefined) return
      if (calls === 1) pending.delete(id)
      else pending.set(id, calls - 1)
      count -= 1
      onChange()
    },
    cancelsCall: ({ method, params }) =>
      method === 'notifications/cancelled' && pending.has(params?.requestId),
    get count() {
      return count
    },
  }
}
