// A verifier: is this token good here, and may it do that? Answered from the published keys and the deny-list,
// which are fetched every few seconds and never per request.

import type { Confirmation } from '../core/binding.ts'
import type { Decision } from '../core/decision.ts'
import { maxDenyListLength } from '../core/deny-list.ts'
import type { RefusalError } from '../core/refusal.ts'
import { secretKindOf } from '../crypto/secret.ts'
import { createClock } from './clock.ts'
import type { ClockOptions } from './clock.ts'
import { fetchFrom } from './fetch-text.ts'
import type { Fetch } from './fetch-text.ts'
import { introspected } from './introspected.ts'
import type { Introspect } from './introspected.ts'
import { maxKeySetLength } from './key-set.ts'
import { offlineAuthority } from './offline-authority.ts'
import type { OfflineAuthority } from './offline-authority.ts'
import type { Reason } from './reasons.ts'
import { createTrust } from './trust.ts'
import type { TrustOptions } from './trust.ts'
import { no, verifyToken } from './verify-token.ts'

export interface VerifierOptions extends ClockOptions {
  /** The issuer of the tokens: `REMIT_ISSUER`, or what `iss` says in them. */
  readonly issuer: string
  /** This server's own resource identifier, `urn:remit:<store id>:<server id>`. */
  readonly audience: string
  /** Where that Remit is served; by default the issuer, where that is an address. */
  readonly url?: string
  /** Takes the place of fetching from `url`. */
  readonly fetch?: Fetch
  /** Seconds between two fetches; what was revoked is refused within so many. By default 5, at most 20. */
  readonly refreshSeconds?: number
  readonly timeoutMs?: number
  /** The highest version that `onVersion` told: no older list is taken, not even after a restart. */
  readonly lowestVersion?: number
  readonly onVersion?: (version: number) => void
  /** For the log: why keys or list could not be had. */
  readonly onProblem?: TrustOptions['onProblem']
  /** Asks Remit about tokens whose uses are counted; without it they are refused. */
  readonly introspect?: Introspect
}

export interface Presentation {
  /** Whether whoever presents the token has proven to hold this key; without it bound tokens are refused. */
  readonly isProven?: (cnf: Confirmation) => Promise<boolean> | boolean
}

export type Verdict =
  | { readonly ok: true; readonly authority: OfflineAuthority }
  /** `reason` is exact and for the log; `error` is what the bearer may be told. */
  | { readonly ok: false; readonly reason: Reason; readonly error: RefusalError }

export interface Verifier {
  readonly issuer: string
  readonly audience: string
  /** Integer seconds, never before what Remit signed. */
  now(): number
  /** Never rejects; whatever cannot be told is refused. */
  verify(token: string, presentation?: Presentation): Promise<Verdict>
  /** Verifies, then decides each permission; `allowed` says that all of them are. */
  check(
    token: string,
    permissions: readonly string[],
    presentation?: Presentation,
  ): Promise<Checked>
}

export type Checked =
  | { readonly allowed: boolean; readonly results: readonly Decision[] }
  | (Extract<Verdict, { ok: false }> & { readonly allowed: false })

const mostRefreshSeconds = 20

/** Throws where the options could never verify anything. */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, refreshSeconds = 5, introspect } = options
  if (!(refreshSeconds >= 1 && refreshSeconds <= mostRefreshSeconds)) {
    throw new RangeError(`refreshSeconds is from 1 to ${mostRefreshSeconds}.`)
  }
  const clock = createClock(options)
  const trust = createTrust({
    issuer,
    fetch: options.fetch ?? fetchOf(options),
    clock,
    refreshSeconds,
    lowestVersion: options.lowestVersion ?? 0,
    onVersion: options.onVersion ?? (() => undefined),
    onProblem: options.onProblem ?? (() => undefined),
  })

  async function verify(token: string, { isProven }: Presentation = {}): Promise<Verdict> {
    if (typeof token !== 'string') return refused(no('not_a_token'))
    if (secretKindOf(token) === 'opaque_token') return ask(token)
    const trusted = await trust.current()
    if (typeof trusted === 'string') return refused(no(`no_list_${trusted}`))
    const verified = await verifyToken(token, trusted, {
      issuer,
      audience,
      now: clock.now(),
      isProven: async (cnf) => (await isProven?.(cnf)) === true,
    })
    if (!verified.ok) return refused(verified)
    return { ok: true, authority: offlineAuthority(verified.claims, trusted.list.denied) }
  }

  async function ask(token: string): Promise<Verdict> {
    if (introspect === undefined) return refused(no('opaque'))
    try {
      const now = clock.now()
      const authority = introspected(await introspect(token), { issuer, audience, now })
      return authority === undefined ? refused(no('inactive')) : { ok: true, authority }
    } catch {
      return refused(no('no_list_not_fetched'))
    }
  }

  return {
    issuer,
    audience,
    now: () => clock.now(),
    verify,
    async check(token, permissions, presentation) {
      const verdict = await verify(token, presentation)
      if (!verdict.ok) return { ...verdict, allowed: false }
      const results = permissions.map((permission) => verdict.authority.may(permission))
      return { allowed: results.length > 0 && results.every(({ allowed }) => allowed), results }
    },
  }
}

const refused = ({ reason, refusal }: ReturnType<typeof no>): Verdict => ({
  ok: false,
  reason,
  error: refusal.toError(),
})

function fetchOf({ url, issuer, timeoutMs = 3000 }: VerifierOptions): Fetch {
  const maxBytes = { jwks: maxKeySetLength, 'deny-list': maxDenyListLength }
  return fetchFrom({ url: url ?? issuer, timeoutMs, maxBytes })
}
