// What a request presents to prove who is calling: exactly one source, not yet verified. A source that
// is there decides alone; empty, malformed or doubled it is refused, never skipped (authority: rule 8).

import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import type { KeyPair } from '../crypto/private-jwk.ts'

export type Presented =
  | { readonly kind: 'nothing' }
  /** The environment held something unusable; said on stderr at the start, refused at every call. */
  | { readonly kind: 'unusable' }
  | { readonly kind: 'secret'; readonly agentId: string; readonly presentedSecret: string }
  | { readonly kind: 'api_key'; readonly presentedSecret: string }
  /** The agent's own key, in the environment alone: it is used, and never sent. */
  | { readonly kind: 'private_key'; readonly agentId: string; readonly presentedKey: KeyPair }
  | { readonly kind: 'assertion'; readonly agentId: string; readonly presentedAssertion: string }
  | {
      readonly kind: 'token'
      readonly presentedToken: string
      readonly presentedProof?: string
      /** Thumbprint of the key that the request which holds it was proven by already. */
      readonly provenBy?: string
      /** Set where it came in a header of HTTP, for what it may be bound to. */
      readonly over?: OverHttp
      /** The TLS certificate beside one that came as metadata: its proof, not a second source. */
      readonly presentedChain?: readonly Buffer[]
    }
  /** A client's TLS certificate and what it sent of its chain, in DER, the client's own first. */
  | {
      readonly kind: 'certificate'
      readonly presentedChain: readonly Buffer[]
      /** Where the request names whose it must be. */
      readonly agentId?: string
    }
  | {
      readonly kind: 'registration'
      readonly presentedSecret: string
      readonly presentedProof: string
    }
  | { readonly kind: 'server_proof'; readonly presentedProof: string }
  /** Of a registered MCP server; travels in HTTP's `Authorization` only. */
  | { readonly kind: 'management_token'; readonly presentedSecret: string }

/** What a token bound to a key or a certificate must fit (RFC 9449, RFC 8705). */
export interface OverHttp {
  readonly scheme: 'Bearer' | 'DPoP'
  readonly method: string
  /** As the client addressed it, without query. */
  readonly url: string
  readonly presentedChain?: readonly Buffer[]
}

export type Meta = Readonly<Record<string, unknown>>

export const metaKeys = {
  token: 'dev.remit/token',
  proof: 'dev.remit/proof',
  agentId: 'dev.remit/agent_id',
  agentSecret: 'dev.remit/agent_secret',
  apiKey: 'dev.remit/api_key',
  clientAssertion: 'dev.remit/client_assertion',
  registration: 'dev.remit/registration',
  actAs: 'dev.remit/act_as',
  actAsProof: 'dev.remit/act_as_proof',
  subjectToken: 'dev.remit/subject_token',
  handoff: 'dev.remit/handoff',
} as const

const known: ReadonlySet<string> = new Set(Object.values(metaKeys))
const notCredentials: ReadonlySet<string> = new Set([
  metaKeys.actAs,
  metaKeys.actAsProof,
  metaKeys.subjectToken,
  metaKeys.handoff,
])
const longest = 64 * 1024

/** The credential in a request's metadata; `undefined` where there is none at all. */
export function presentedInMeta(meta: Meta | undefined): Presented | undefined {
  if (meta === undefined) return undefined
  const ours = Object.keys(meta).filter((key) => key.startsWith('dev.remit/'))
  if (ours.length === 0) return undefined
  for (const key of ours) {
    const value = meta[key]
    const usable = typeof value === 'string' && value !== '' && value.length <= longest
    if (!known.has(key) || !usable) throw unusable()
  }
  const keys = ours.filter((key) => !notCredentials.has(key)).toSorted()
  return keys.length === 0 ? undefined : formOf(keys, (key) => meta[key] as string)
}

function formOf(keys: readonly string[], value: (key: string) => string): Presented {
  switch (keys.map((key) => key.slice('dev.remit/'.length)).join()) {
    case 'token':
      return { kind: 'token', presentedToken: value(metaKeys.token) }
    case 'proof,token':
      return {
        kind: 'token',
        presentedToken: value(metaKeys.token),
        presentedProof: value(metaKeys.proof),
      }
    case 'agent_id,agent_secret':
      return {
        kind: 'secret',
        agentId: agentId(value(metaKeys.agentId)),
        presentedSecret: value(metaKeys.agentSecret),
      }
    case 'api_key':
      return { kind: 'api_key', presentedSecret: value(metaKeys.apiKey) }
    case 'agent_id,client_assertion':
      return {
        kind: 'assertion',
        agentId: agentId(value(metaKeys.agentId)),
        presentedAssertion: value(metaKeys.clientAssertion),
      }
    case 'proof,registration':
      return {
        kind: 'registration',
        presentedSecret: value(metaKeys.registration),
        presentedProof: value(metaKeys.proof),
      }
    case 'proof':
      return { kind: 'server_proof', presentedProof: value(metaKeys.proof) }
    default:
      throw unusable()
  }
}

function agentId(untrusted: string): string {
  if (!isId('agt', untrusted)) throw unusable()
  return untrusted
}

/** The same words for every stranger, whatever was wrong. */
export const unusable = (): Refusal =>
  new Refusal('invalid_client', {
    remedy: {
      text: 'Present exactly one credential: a token, an agent id with its secret, or an API key.',
    },
  })
