// What every operation works with, wired once in app.ts. Time, ids and randomness come from here, so
// that tests can fix them.

import type { IdPrefix } from '../core/id.ts'
import type { ScopeSet } from '../core/scope.ts'
import type { HashingQueue } from '../crypto/hashing-queue.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import type { Store } from '../store/store.ts'
import type { AuditBuffer } from './audit-buffer.ts'
import type { Committer } from './committer.ts'
import type { KeyRing } from './key-ring.ts'
import type { LiveState } from './live.ts'

export const deliveryKinds = ['handle', 'meta', 'file', 'handoff', 'sealed', 'inline'] as const
export type DeliveryKind = (typeof deliveryKinds)[number]

/** The limits and choices that operations obey; config.ts reads them. */
export interface Settings {
  readonly home: string
  /** Seconds. */
  readonly tokenMax: number
  readonly grantMax: number
  /** Narrows every call by credential in this process. */
  readonly scopes?: ScopeSet
  readonly actAs: 'optional' | 'required'
  readonly delivery: readonly DeliveryKind[]
  readonly auditChecks: 'batched' | 'sync'
  /** Unexpired children of one grant, and unexpired grants below one root. */
  readonly maxChildren: number
  readonly maxGrantsPerRoot: number
  readonly version: string
  /** Whether files may be written for the caller: on stdio and the command line, not over HTTP. */
  readonly localFiles: boolean
  /** The file the environment's credential came from, if it came from one. */
  readonly credentialFile?: string
  /** What every caller of this process should know, such as a secret given by value. */
  readonly warnings: readonly string[]
  /** Files with lists of revoked certificates. */
  readonly crlFiles?: readonly string[]
  /** The file outside the database that checkpoints are kept in; absent, they are not. */
  readonly checkpoints?: string
}

/** Which store this is and which of its servers is running here. */
export interface Self {
  readonly storeId: string
  readonly issuer: string
  readonly serverId: string
  /** The first organisation of the store; keys, server details and whole chains belong to it. */
  readonly orgId: string
}

export interface Log {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

export interface Context {
  /** Integer seconds. */
  readonly now: () => number
  readonly newId: (prefix: IdPrefix) => string
  readonly store: Store
  readonly live: LiveState
  readonly keys: Subkeys
  readonly ring: KeyRing
  readonly committer: Committer
  readonly audit: AuditBuffer
  readonly hashing: HashingQueue
  readonly settings: Settings
  readonly self: Self
  readonly log: Log
}
