// The entries of the deny-list, as the restrictions of the store say them. A token tells no change numbers,
// only the second it was issued in, and through whom its grants came to be; whichever token a restriction
// ends although that does not show is denied by its own id.

import type { DenyEntry } from '../core/deny-list.ts'
import type { Token } from '../core/grant.ts'
import { ends, keysOf, revocationKey } from '../core/revocation.ts'
import type { Revocation } from '../core/revocation.ts'
import { formatScopes } from '../core/scope.ts'
import type { DatedChange } from '../store/facts.ts'
import type { NotedRevocation } from '../store/revocations.ts'
import { tokensDecidedBefore, tokensObtainedBefore } from '../store/tokens.ts'
import type { Context } from './context.ts'
import { grantState } from './grant-state.ts'

/** What a restriction means to verifiers, now: later it may be said of fewer tokens, never of more. */
export async function entriesOf(
  context: Context,
  noted: NotedRevocation,
  keepFrom: number,
): Promise<DenyEntry[]> {
  const entry = entryOf(context, noted)
  if (entry === undefined) return []
  if (entry.kind === 'ceiling') return [{ ...entry, at: await latestBefore(context, noted) }]
  const tokens = await tokensEnded(context, noted, keepFrom)
  return [
    entry,
    ...tokens.map(({ id, issuedAt }) => ({
      kind: 'token' as const,
      id,
      seq: noted.seq,
      at: Math.max(noted.at, issuedAt),
    })),
  ]
}

/**
 * Operations that a change added to a type: `*` in a token of that second or before does not mean them. No
 * token is older than the type itself.
 */
export async function operationsOf(context: Context, change: DatedChange): Promise<DenyEntry[]> {
  const type = context.live.resourceTypes.get(change.id)
  if (type === undefined) return []
  const first = Math.min(...type.operations.values())
  const added = [...type.operations].filter(([, since]) => since === change.seq && since > first)
  if (added.length === 0) return []
  const at = await latestBefore(context, change)
  return added.map(([operation]) => ({
    kind: 'operation',
    id: `${type.type}:${operation}`,
    org: type.orgId,
    seq: change.seq,
    at,
  }))
}

const kinds = ['grant', 'instance', 'agent', 'credential', 'task', 'ceiling', 'key'] as const

function entryOf({ live }: Context, { revocation, seq, at }: NotedRevocation) {
  const { target: id, within, mintedBefore, damaged, orgId, scopes = [] } = revocation
  const kind = kinds.find((each) => each === revocation.kind)
  if (kind === undefined || id === '') return undefined
  const entry = { id, seq, at }
  if (kind === 'key') return { kind, ...entry }
  const cut = {
    ...entry,
    ...(within.length > 0 && { within }),
    ...(mintedBefore !== undefined && { minted_before: mintedBefore }),
    ...(damaged && { always: damaged }),
  }
  if (kind === 'task') return { kind, ...cut, ...(damaged === undefined && { org: orgId }) }
  if (kind === 'ceiling') return { kind, ...cut, scopes: formatScopes(scopes) }
  if (kind !== 'agent') return { kind, ...cut }
  const status = live.agent(id)?.status
  return { kind, ...cut, ...(status !== undefined && status !== 'active' && { status }) }
}

/** Longest that a token may be decided before a change, by a clock that is ahead, and be committed. */
const longestLate = 120

/** The second of a change, or that of the last token decided without knowing of it. */
async function latestBefore(
  { store, now }: Context,
  { seq, at }: { readonly seq: number; readonly at: number },
): Promise<number> {
  const span = { from: at, to: at + longestLate, now: now() }
  const late = await store.read(tokensDecidedBefore(seq, span))
  return Math.max(at, ...late.map(({ issuedAt }) => issuedAt))
}

/** Tokens that it ends although its entry does not say so. */
async function tokensEnded(
  context: Context,
  { revocation, seq, at }: NotedRevocation,
  keepFrom: number,
): Promise<Token[]> {
  const { store, now } = context
  const { kind, target, within, mintedBefore, damaged } = revocation
  const isForGood = kind === 'grant' || kind === 'instance' || damaged === true
  if (kind === 'key' || (isForGood && mintedBefore === undefined && kind !== 'credential'))
    return []
  const before = damaged === true ? Number.MAX_SAFE_INTEGER : seq
  const from = Math.max(keepFrom, Math.min(at, mintedBefore ?? at))
  const span = { from, to: at + longestLate, now: now() }
  const late = damaged === true ? [] : await store.read(tokensDecidedBefore(before, span))
  const byCredential = kind === 'credential' && within.length === 0
  const obtained = byCredential
    ? await store.read(tokensObtainedBefore(before, target, { from: keepFrom, now: now() }))
    : []
  const isObtained = (token: Token) =>
    byCredential &&
    token.credentialId === target &&
    token.issuedAt <= (mintedBefore ?? token.issuedAt)
  const ended = new Map<string, Token>()
  for (const token of [...late, ...obtained]) {
    const isEnded = await isEndedBy(context, revocation, token)
    const shows = isEnded && token.issuedAt <= Math.min(at, mintedBefore ?? at)
    if ((isEnded && !shows) || (isObtained(token) && !isEnded)) ended.set(token.id, token)
  }
  return [...ended.values()]
}

/** Whether its grant ends by this restriction; one whose chain cannot be read is dead in any case. */
async function isEndedBy(context: Context, revocation: Revocation, token: Token): Promise<boolean> {
  const state = await grantState(context.live, token.grantId, context.now())
  if (state === undefined) return true
  const key = revocationKey(revocation.kind, revocation.target)
  const [root] = state.chain
  return state.chain.some((grant) => keysOf(grant).includes(key) && ends(revocation, grant, root))
}
