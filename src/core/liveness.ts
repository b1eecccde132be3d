// Is a grant live now? Only if it and every ancestor are unrevoked and unexpired, the agents holding
// them are active, and no credential they came from has been revoked. Asked at every use; no
// answer to that is remembered here.

import { credentialStatus } from './credential.ts'
import type { Grant } from './grant.ts'
import type { RefusalCode } from './refusal.ts'
import { ends, keysOf } from './revocation.ts'
import type { State } from './state.ts'

/** A grant with its ancestors, root first, itself last. */
export type Chain = readonly [Grant, ...Grant[]]

export type Liveness =
  | { readonly live: true }
  | {
      readonly live: false
      readonly code: Extract<RefusalCode, 'invalid_token' | 'ancestor_revoked' | 'agent_suspended'>
      /** The grant or agent that is the reason. */
      readonly at: string
      readonly reason: 'expired' | 'revoked' | 'credential' | 'agent'
    }

/** Looks from the root down, so that the highest reason is the one told. */
export function liveness(chain: Chain, state: State, now: number): Liveness {
  const root = chain[0]
  const own = chain.at(-1)
  for (const grant of chain) {
    const code = grant === own ? 'invalid_token' : 'ancestor_revoked'
    if (grant.expiresAt !== undefined && grant.expiresAt <= now) {
      return { live: false, code, at: grant.id, reason: 'expired' }
    }
    if (state.agent(grant.agentId)?.status !== 'active') {
      return { live: false, code: 'agent_suspended', at: grant.agentId, reason: 'agent' }
    }
    const credential = state.credential(grant.credentialId)
    if (credential === undefined || credentialStatus(credential, now) === 'revoked') {
      return { live: false, code, at: grant.id, reason: 'credential' }
    }
    if (isRevoked(grant, root, state)) {
      return { live: false, code, at: grant.id, reason: 'revoked' }
    }
  }
  return { live: true }
}

/** The next second at which a live chain may die by the clock alone. */
export const chainExpiry = (chain: Chain): number =>
  Math.min(...chain.map((grant) => grant.expiresAt ?? Number.MAX_SAFE_INTEGER))

const isRevoked = (grant: Grant, root: Grant, state: State): boolean =>
  keysOf(grant).some((key) => state.revocations(key).some((r) => ends(r, grant, root)))

/** Every key whose restriction, were it newer than what one knows, would touch this chain. */
export function keysOfChain(chain: Chain): readonly string[] {
  const known = keys.get(chain)
  if (known !== undefined) return known
  const found = [...new Set(chain.flatMap(keysOf))]
  keys.set(chain, found)
  return found
}

/** Grants never change, so neither do the keys of a chain. */
const keys = new WeakMap<Chain, readonly string[]>()
