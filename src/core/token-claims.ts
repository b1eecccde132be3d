// The claims of our access tokens (RFC 9068, with RFC 8693 `act`, RFC 7800 `cnf` and our `remit`).
// A claim of the wrong type is refused, never treated as absent. What is read here is a statement:
// it says which grant is meant; what that grant may do comes from the record.

import type { Confirmation } from './binding.ts'
import { protections } from './grant.ts'
import type { Protection } from './grant.ts'
import { isTask } from './name.ts'

/** Who acts, and for whom in turn; outermost is the holder (RFC 8693 §4.1). */
export interface Actor {
  readonly sub: string
  readonly act?: Actor
}

/** Through whom one grant came to be: what a deny-list needs to match it. */
export interface Via {
  readonly agent: string
  readonly instance?: string
  readonly credential: string
}

export interface RemitClaim {
  readonly org: string
  readonly grant: string
  /** Grant ids from the root to the parent; empty for a root. */
  readonly lineage: readonly string[]
  /** One entry per lineage entry and, last, one for the grant itself. */
  readonly via: readonly Via[]
  readonly depth: number
  readonly max_depth: number
  readonly task?: string
  /** What a use must be protected by beyond the key in `cnf`: only Remit itself can tell that it is. */
  readonly require?: readonly Protection[]
}

export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly client_id: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  readonly scope: string
  readonly act?: Actor
  readonly cnf?: Confirmation
  readonly remit: RemitClaim
}

export type ClaimsResult =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  | { readonly ok: false; readonly reason: 'not_an_object' }
  | {
      readonly ok: false
      readonly reason: 'wrong_claim'
      readonly claim: keyof AccessTokenClaims
    }

const hardDepthLimit = 16

/** Reads a verified payload as access token claims; names the first claim that is not as it must be. */
export function parseAccessTokenClaims(untrusted: unknown): ClaimsResult {
  if (!isRecord(untrusted)) return { ok: false, reason: 'not_an_object' }
  for (const [claim, isRight] of rules) {
    if (!isRight(own(untrusted, claim))) return { ok: false, reason: 'wrong_claim', claim }
  }
  const claims = untrusted as unknown as AccessTokenClaims
  if (claims.exp <= claims.iat) return { ok: false, reason: 'wrong_claim', claim: 'exp' }
  return { ok: true, claims }
}

type Rule = (value: unknown) => boolean

const shape: Readonly<Record<keyof AccessTokenClaims, Rule>> = {
  iss: isText,
  sub: isText,
  aud: isText,
  client_id: isText,
  iat: isCount,
  exp: isCount,
  jti: isText,
  scope: isText,
  act: (value) => value === undefined || isActor(value, hardDepthLimit),
  cnf: (value) => value === undefined || isConfirmation(value),
  remit: isRemit,
}
const rules = Object.entries(shape) as readonly [keyof AccessTokenClaims, Rule][]

function isRemit(value: unknown): boolean {
  if (!isRecord(value) || !hasOnly(value, remitMembers)) return false
  const { org, grant, lineage, via, depth, max_depth, task, require } = value
  return (
    isText(org) &&
    isText(grant) &&
    isCount(depth) &&
    isCount(max_depth) &&
    depth <= max_depth &&
    max_depth <= hardDepthLimit &&
    Array.isArray(lineage) &&
    lineage.length === depth &&
    lineage.every(isText) &&
    Array.isArray(via) &&
    via.length === depth + 1 &&
    via.every(isVia) &&
    (task === undefined || (typeof task === 'string' && isTask(task))) &&
    (require === undefined || areProtections(require))
  )
}
const remitMembers = ['org', 'grant', 'lineage', 'via', 'depth', 'max_depth', 'task', 'require']

const areProtections = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((each) => protections.some((known) => known === each))

const isVia = (value: unknown): boolean =>
  isRecord(value) &&
  hasOnly(value, viaMembers) &&
  isText(value['agent']) &&
  isText(value['credential']) &&
  (value['instance'] === undefined || isText(value['instance']))
const viaMembers = ['agent', 'instance', 'credential']

/** `act` carries identity claims only, and no more of them than delegation can be deep. */
const isActor = (value: unknown, levelsLeft: number): boolean =>
  levelsLeft > 0 &&
  isRecord(value) &&
  hasOnly(value, actorMembers) &&
  isText(value['sub']) &&
  (value['act'] === undefined || isActor(value['act'], levelsLeft - 1))
const actorMembers = ['sub', 'act']

/** Exactly one method: a token bound in a way not known here must not count as bound otherwise. */
const isConfirmation = (value: unknown): boolean =>
  isRecord(value) &&
  Object.keys(value).length === 1 &&
  (isThumbprint(own(value, 'jkt')) || isThumbprint(own(value, 'x5t#S256')))

const isThumbprint = (value: unknown): boolean =>
  typeof value === 'string' && /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value)

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const hasOnly = (value: object, members: readonly string[]): boolean =>
  Object.keys(value).every((key) => members.includes(key))

/** Own members only: nothing on a prototype is a claim. */
const own = (value: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined
