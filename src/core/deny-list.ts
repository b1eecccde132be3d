// The deny-list: what ended, told to verifiers that see only a token (authority: rule 25). Tokens carry
// seconds and no change numbers, so cutoffs are inclusive seconds; what an entry cannot say in seconds is
// said token by token. A member or kind that is not known here makes the whole list unusable.

import { isTask } from './name.ts'
import { parseScope, parseScopes } from './scope.ts'

interface Entry {
  /** What is denied: an id, a task, or for `operation` the scope of a whole type. */
  readonly id: string
  /** The change behind it; a delta holds what is newer than a version. */
  readonly seq: number
  /** Second of that change: tokens issued then or before are meant. */
  readonly at: number
}

interface Cut extends Entry {
  /** Only what hangs below one of these grants, or below roots made with one of these credentials. */
  readonly within?: readonly string[]
  /** Only what was minted at or before this second. */
  readonly minted_before?: number
  /** Whatever the second: a restriction that was tampered with ends all it could have meant. */
  readonly always?: true
}

export type DenyEntry =
  | (Entry & { readonly kind: 'token' })
  | (Entry & { readonly kind: 'key' })
  | (Cut & { readonly kind: 'grant' | 'instance' | 'credential' })
  | (Cut & { readonly kind: 'agent'; readonly status?: 'suspended' | 'retired' })
  | (Cut & { readonly kind: 'task'; readonly org?: string })
  /** All that is left to grants of an agent that are older; the rest they lost. */
  | (Cut & { readonly kind: 'ceiling'; readonly scopes: string })
  /** Registered since: `*` in an older grant does not mean it. */
  | (Entry & { readonly kind: 'operation'; readonly org: string })

export interface DenyList {
  readonly iss: string
  /** The list holds everything that was committed before this second. */
  readonly iat: number
  /** The newest change it knows of: never falls. */
  readonly version: number
  /** Which change that was: two histories of one store may reach the same number. */
  readonly mark: string
  /** Of a delta: the version it goes on from. */
  readonly since?: { readonly version: number; readonly mark: string }
  /** Entries of an earlier second match nothing any more, unless they hold always. */
  readonly keep_from: number
  /** The keys whose tokens are believed. */
  readonly keys: readonly string[]
  readonly entries: readonly DenyEntry[]
}

/** Room for a hundred thousand entries of ordinary length. */
export const maxDenyListLength = 16 * 1024 * 1024

/** Reads a verified payload as a deny-list; `undefined` where anything is not exactly as it must be. */
export function parseDenyList(untrusted: Readonly<Record<string, unknown>>): DenyList | undefined {
  const { iss, iat, version, mark, since, keep_from, keys, entries } = untrusted
  const isRight =
    hasOnly(untrusted, listMembers) &&
    isText(iss) &&
    [iat, version, keep_from].every(isCount) &&
    isText(mark) &&
    (since === undefined || isSince(since)) &&
    Array.isArray(keys) &&
    keys.every(isText) &&
    Array.isArray(entries) &&
    entries.every(isEntry)
  return isRight ? (untrusted as unknown as DenyList) : undefined
}

const listMembers = ['iss', 'iat', 'version', 'mark', 'since', 'keep_from', 'keys', 'entries']

const isSince = (value: unknown): boolean =>
  isRecord(value) &&
  hasOnly(value, ['version', 'mark']) &&
  isCount(value['version']) &&
  isText(value['mark'])

type Rule = (value: unknown) => boolean

const entryRules: Readonly<Record<string, Rule>> = { id: isText, seq: isCount, at: isCount }
const cutRules: Readonly<Record<string, Rule>> = {
  ...entryRules,
  within: optional((value) => Array.isArray(value) && value.length > 0 && value.every(isText)),
  minted_before: optional(isCount),
  always: optional((value) => value === true),
}

const rulesOf: Readonly<Record<DenyEntry['kind'], Readonly<Record<string, Rule>>>> = {
  token: entryRules,
  key: entryRules,
  grant: cutRules,
  instance: cutRules,
  credential: cutRules,
  agent: {
    ...cutRules,
    status: optional((value) => value === 'suspended' || value === 'retired'),
  },
  task: {
    ...cutRules,
    id: (value) => isText(value) && isTask(value),
    org: optional(isText),
  },
  ceiling: {
    ...cutRules,
    scopes: (value) => typeof value === 'string' && parseScopes(value) !== undefined,
  },
  operation: {
    ...entryRules,
    id: (value) => isText(value) && parseScope(value) !== undefined,
    org: isText,
  },
}

function isEntry(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { kind, ...members } = value
  if (typeof kind !== 'string' || !Object.hasOwn(rulesOf, kind)) return false
  const rules = rulesOf[kind as DenyEntry['kind']]
  return (
    hasOnly(members, Object.keys(rules)) &&
    Object.entries(rules).every(([member, isRight]) => isRight(members[member]))
  )
}

function optional(rule: Rule): Rule {
  return (value) => value === undefined || rule(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const hasOnly = (value: object, members: readonly string[]): boolean =>
  Object.keys(value).every((key) => members.includes(key))
