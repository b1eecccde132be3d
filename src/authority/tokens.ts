// Tokens: a dated proof of one grant, made and recognised here. A token says which grant; what it may do
// comes from the record. A limited chain has opaque tokens, so that uses can be counted.

import { confirmationOf } from '../core/binding.ts'
import type { Grant, Token } from '../core/grant.ts'
import type { Chain } from '../core/liveness.ts'
import { effectiveScopes } from '../core/authority.ts'
import type { Authority } from '../core/authority.ts'
import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'
import { formatScopes } from '../core/scope.ts'
import type { AccessTokenClaims, Actor } from '../core/token-claims.ts'
import { keyedHash, sha256 } from '../crypto/keyed-hash.ts'
import { signOwnJwt, verifyOwnJwt } from '../crypto/own-jwt.ts'
import { newSecret, secretKindOf } from '../crypto/secret.ts'
import { parseAccessTokenClaims } from '../core/token-claims.ts'
import { opaqueTokenByHash, tokenById } from '../store/tokens.ts'
import { one, andThen } from '../store/store.ts'
import type { Soon } from '../store/store.ts'
import { audienceName } from './audience.ts'
import type { Context } from './context.ts'

export interface Issued {
  readonly token: Token
  /** The token itself, made when it is handed out and kept nowhere. */
  readonly text: () => string
}

export interface Issuing {
  readonly authority: Authority
  /** Server id. */
  readonly audience: string
  /** Seconds; the token never outlives its grant. */
  readonly ttl: number
  readonly credentialId: string
  readonly now: number
  readonly seq: number
}

/** Makes a token for a live grant; it counts only once its record is committed. */
export function issueToken(context: Context, issuing: Issuing): Issued {
  const { authority, audience, ttl, credentialId, now, seq } = issuing
  const { grant, chain } = authority
  const base = {
    id: context.newId('tok'),
    orgId: grant.orgId,
    grantId: grant.id,
    credentialId,
    audience,
    issuedAt: now,
    expiresAt: Math.min(now + ttl, grant.expiresAt ?? 0),
    createdSeq: seq,
  }
  if (isLimited(chain)) {
    const secret = newSecret('opaque_token')
    const hash = opaqueHash(context, secret.reveal())
    return { token: { ...base, kind: 'opaque', hash }, text: () => secret.reveal() }
  }
  const { kid, signer } = context.ring.signer('access_token')
  const claims = claimsOf(context, authority, base)
  const token: Token = { ...base, kind: 'jwt', hash: sha256(JSON.stringify(claims)), keyId: kid }
  return { token, text: () => signOwnJwt(signer, claims) }
}

/** Whether uses are counted anywhere on the chain. */
export const isLimited = (chain: Chain): boolean => chain.some((grant) => grant.uses !== undefined)

const opaqueHash = ({ keys }: Context, text: string): string =>
  keyedHash(keys.secrets, text).toString('base64url')

/** Claims of RFC 9068; `act` names the holder first and then its delegators (RFC 8693 §4.1). */
function claimsOf(context: Context, authority: Authority, token: TokenBase): AccessTokenClaims {
  const { grant, chain } = authority
  const { self } = context
  const act = actorsOf(chain)
  const require = grant.require.filter((each) => each !== 'pop' || grant.binding === undefined)
  return {
    iss: self.issuer,
    sub: chain[0].agentId,
    aud: audienceName(context, token.audience),
    client_id: grant.agentId,
    iat: token.issuedAt,
    exp: token.expiresAt,
    jti: token.id,
    scope: formatScopes(effectiveScopes(authority)),
    ...(act !== undefined && { act }),
    ...(grant.binding !== undefined && { cnf: confirmationOf(grant.binding) }),
    remit: {
      org: grant.orgId,
      grant: grant.id,
      lineage: grant.lineage,
      via: chain.map(viaOf),
      depth: grant.depth,
      max_depth: grant.maxDepth,
      ...(grant.task !== undefined && { task: grant.task }),
      ...(require.length > 0 && { require }),
    },
  }
}

type TokenBase = Pick<Token, 'id' | 'audience' | 'issuedAt' | 'expiresAt'>

const viaOf = (grant: Grant) => ({
  agent: grant.agentId,
  ...(grant.instanceId !== undefined && { instance: grant.instanceId }),
  credential: grant.credentialId,
})

/** The holder first, then its delegators below the root, whose agent is the subject itself. */
export const actorsOf = ([, ...below]: Chain): Actor | undefined =>
  below.reduce<Actor | undefined>(
    (act, { agentId: sub }) => (act === undefined ? { sub } : { sub, act }),
    undefined,
  )

export type Recognised =
  | { readonly ok: true; readonly token: Token }
  /** Not authentic, or not known: a stranger's. */
  | { readonly ok: false; readonly refusal: Refusal }

/** Whose token is this? Says only that it is authentic and recorded, not that it is live. */
export function recognise(context: Context, presentedToken: string): Soon<Recognised> {
  const { live } = context
  const key = sha256(presentedToken)
  const known = live.tokenByText(key)
  if (known !== undefined) return { ok: true, token: known }
  return andThen(recogniseAfresh(context, presentedToken), (recognised) => {
    if (recognised.ok) live.rememberToken(key, recognised.token)
    return recognised
  })
}

function recogniseAfresh(context: Context, presentedToken: string): Soon<Recognised> {
  const { store, self, now } = context
  const kind = secretKindOf(presentedToken)
  if (kind === 'opaque_token') {
    const hash = opaqueHash(context, presentedToken)
    return andThen(one(store.read(opaqueTokenByHash(hash))), (token) =>
      token === undefined ? unknown() : { ok: true, token },
    )
  }
  if (kind !== undefined) return { ok: false, refusal: new Refusal('wrong_credential_class') }
  const verified = verifyOwnJwt(presentedToken, context.ring.verifiers('access_token', now()))
  if (!verified.ok) return unknown()
  const parsed = parseAccessTokenClaims(verified.claims)
  if (!parsed.ok || parsed.claims.iss !== self.issuer) return unknown('forged_claims')
  const hash = sha256(JSON.stringify(verified.claims))
  return andThen(one(store.read(tokenById(parsed.claims.jti))), (token) =>
    token !== undefined && token.hash === hash && token.keyId === verified.kid
      ? { ok: true, token }
      : unknown('forged_claims'),
  )
}

const unknown = (finding?: string): Recognised => ({
  ok: false,
  refusal: new Refusal('invalid_token', {
    message: 'The token is not one of ours, or no longer.',
    remedy: { text: 'Present a token that this server issued, unchanged.' },
    ...(finding !== undefined && { finding }),
  }),
})

/** Whether a recognised token still counts, its grant aside: time, audience, key, and its credential. */
export function tokenDeath(context: Context, token: Token, now: number): string | undefined {
  const { live, ring, self } = context
  if (token.expiresAt <= now) return 'The token has expired.'
  if (token.audience !== self.serverId && live.server(token.audience)?.status !== 'active') {
    return 'The server that the token is for was revoked.'
  }
  if (token.keyId !== undefined && !ring.verifies(token.keyId, now)) {
    return 'The key that signed the token is no longer good.'
  }
  const credential = live.credential(token.credentialId)
  if (credential === undefined || credential.recordedStatus === 'revoked') {
    return 'The credential that the token was obtained with was revoked.'
  }
  const cuts = live.revocations(revocationKey('credential', token.credentialId))
  const isCut = cuts.some(
    ({ within, seq, mintedBefore = token.issuedAt }) =>
      within.length === 0 && seq > token.createdSeq && token.issuedAt <= mintedBefore,
  )
  return isCut ? 'The credential that the token was obtained with was revoked.' : undefined
}
