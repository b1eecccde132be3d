// Writers that keep a server busy until it is killed, and the ledger of what they sent and what was
// acknowledged. Every call has an idempotency key, so that it can be repeated after the crash.
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import type { Answer, Fields, Holder, Server } from './support.ts'

/** One call, as it was sent; without an answer where the server was gone first. */
export interface Sent {
  readonly name: string
  readonly args: Fields
  readonly meta: object
  /** By the ledger's own count of time. */
  readonly sentAt: number
  answeredAt?: number
  answer?: Answer
}

export interface Ledger {
  readonly now: () => number
  /** The calls since the last crash. */
  sent: Sent[]
  /** Every grant that was ever acknowledged, or made by a repeat. */
  readonly grants: Set<string>
  /** Grants whose revocation was sent, acknowledged or not. */
  readonly revoking: Set<string>
  /** How many calls were ever acknowledged, and how many answers lost, by operation. */
  readonly acknowledged: Record<string, number>
  readonly lost: Record<string, number>
}

export const newLedger = (now: () => number = Date.now): Ledger => ({
  now,
  sent: [],
  grants: new Set(),
  revoking: new Set(),
  acknowledged: {},
  lost: {},
})

/** Sixteen at once, with one for the server's own file; until the server is gone. */
export const writeUntilGone = (
  ledger: Ledger,
  server: Server,
  parentId: string,
  rotating: readonly { holder: Holder }[],
): readonly Promise<void>[] => [
  ...Array.from({ length: 7 }, () => mintUntilGone(ledger, server)),
  ...Array.from({ length: 4 }, () => delegateUntilGone(ledger, server, parentId)),
  ...Array.from({ length: 2 }, () => revokeUntilGone(ledger, server)),
  ...rotating.map((agent) => rotateUntilGone(ledger, server, agent)),
]

let calls = 0

/** Sends a call with a key of its own; `undefined` once the server is gone. */
export async function send(
  { sent, now }: Ledger,
  server: Server,
  name: string,
  args: Fields,
  meta: object = {},
): Promise<Answer | undefined> {
  const call: Sent = {
    name,
    args: { ...args, idempotency_key: `call-${calls++}` },
    meta,
    sentAt: now(),
  }
  sent.push(call)
  try {
    call.answer = await server.call(name, call.args, meta)
    call.answeredAt = now()
    return call.answer
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

const isGone = (error: unknown): boolean =>
  (error instanceof McpError && Number(error.code) === Number(ErrorCode.ConnectionClosed)) ||
  (error instanceof Error && error.message === 'Not connected')

const longLived = { scopes: ['demo:read'], grant_ttl_seconds: 86_400 }

async function mintUntilGone(ledger: Ledger, server: Server): Promise<void> {
  for (;;) {
    const answer = await send(ledger, server, 'mint_token', longLived)
    if (answer === undefined) return
    ledger.grants.add(String(answer.result['grant_id']))
  }
}

/** Below a grant that nobody revokes. */
async function delegateUntilGone(ledger: Ledger, server: Server, act_as: string): Promise<void> {
  for (;;) {
    const answer = await send(ledger, server, 'delegate_token', { ...longLived, act_as })
    if (answer === undefined) return
    ledger.grants.add(String(answer.result['grant_id']))
  }
}

/** Ends what was minted since the last crash, one after the other. */
async function revokeUntilGone(ledger: Ledger, server: Server): Promise<void> {
  const { sent, revoking } = ledger
  for (;;) {
    const grant_id = sent
      .filter(({ name, answer }) => name === 'mint_token' && answer?.code === 'allowed')
      .map(({ answer }) => String(answer?.result['grant_id']))
      .find((id) => !revoking.has(id))
    if (grant_id === undefined) {
      if ((await whileAlive(server)) === 'gone') return
      continue
    }
    revoking.add(grant_id)
    if ((await send(ledger, server, 'revoke_token', { grant_id, cause: 'test' })) === undefined) {
      return
    }
  }
}

/** Gives the other writers a turn. */
async function whileAlive(server: Server): Promise<'gone' | 'alive'> {
  try {
    await server.client.ping()
    return 'alive'
  } catch (error) {
    if (isGone(error)) return 'gone'
    throw error
  }
}

/** Rotates one agent's secret again and again; overlaps of zero end the old one at the commit. */
async function rotateUntilGone(
  ledger: Ledger,
  server: Server,
  agent: { holder: Holder },
): Promise<void> {
  for (let turn = 0; ; turn++) {
    const args = { delivery: 'meta', overlap_seconds: turn % 2 === 0 ? 3600 : 0 }
    const answer = await send(ledger, server, 'rotate_credential', args, agent.holder.meta)
    if (answer === undefined) return
    agent.holder = successorOf(agent.holder, answer)
  }
}

export function successorOf({ id, meta }: Holder, { result, meta: handed }: Answer): Holder {
  return {
    id,
    credentialId: String(result['credential_id']),
    meta: { ...meta, 'dev.remit/agent_secret': String(handed['dev.remit/secret']) },
  }
}

/** What was sent since the last crash is counted and handed over; the next round begins. */
export function settle(ledger: Ledger): readonly Sent[] {
  const { sent } = ledger
  for (const { name, answer } of sent) {
    const into = answer === undefined ? ledger.lost : ledger.acknowledged
    into[name] = (into[name] ?? 0) + 1
  }
  ledger.sent = []
  return sent
}
