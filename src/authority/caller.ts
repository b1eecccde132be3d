// Who is calling, once that is proven: an agent under a grant. `own` is what the caller came with,
// `acting` what this call runs under, which is `own` or something below it, always narrowed by `own`.

import type { Agent } from '../core/agent.ts'
import type { Authority } from '../core/authority.ts'
import type { Credential } from '../core/credential.ts'
import type { Protection, Token } from '../core/grant.ts'
import type { Exchanging } from './exchange.ts'

export type Method = 'secret' | 'api_key' | 'client_assertion' | 'x509' | 'token'

/** What was presented, by name; goes into every event. */
export interface PresentedBy {
  readonly agent_id: string
  readonly method: Method | 'registration'
  readonly credential_id?: string
  readonly token_id?: string
  readonly grant_id?: string
}

export interface Caller {
  readonly orgId: string
  readonly method: Method
  /** The agent that proved itself. */
  readonly presenter: Agent
  /** Set for a call by credential, absent for a call by token. */
  readonly credential?: Credential
  readonly token?: Token
  readonly presented: PresentedBy
  readonly own: Authority
  readonly acting: Authority
  /** The agent that holds the acting grant. */
  readonly agent: Agent
  readonly actsAs: boolean
  /** The protections that this call shows for its acting grant; absent, none. */
  readonly shown?: readonly Protection[]
  /** The credential that grants and tokens made by this call come from. */
  readonly credentialId: string
  readonly warnings: readonly string[]
  /** `x5t#S256` of the client certificate that proved the credential. */
  readonly certificate?: string
  /** Whether the process's environment presented it, rather than the request. */
  readonly isEnvironments?: boolean
  /** Set where a client runs this call under the grant of a token that it exchanges. */
  readonly exchange?: Exchanging
  /** A dead secret that may do nothing but repeat the rotation that ended it. */
  readonly mayOnlyRepeat?: true
}
