// What the commands need from the process they run in. The composition root provides it, so that the
// commands know neither store nor keys.

import type { BackupResult } from '../authority/backup.ts'
import type { Context } from '../authority/context.ts'
import type { Finding } from '../authority/finding.ts'
import type { InitResult } from '../authority/init.ts'
import type { Presented } from '../authority/presented.ts'
import type { MoveResult } from '../authority/move-store.ts'
import type { PruneAsked, PruneReport } from '../authority/prune.ts'
import type { RecoverResult } from '../authority/recover.ts'
import type { RestoreResult } from '../authority/restore.ts'
import type { MasterRotation } from '../authority/rotate-master.ts'
import type { AuditVerdict } from '../authority/verify-store.ts'

/** An open store with this server registered, and who calls. */
export interface Session {
  readonly context: Context
  readonly environment: Presented
  close(): Promise<void>
}

/** What of the audit is verified; all of the store's by default. */
export interface VerifyAsked {
  readonly chain?: string
  /** A file that `audit export` made. */
  readonly exported?: string
  /** The file that checkpoints are kept in, where it is not the configured one. */
  readonly checkpoints?: string
}

export interface OpenAsked {
  readonly jwe: string
  readonly keyFile: string
  readonly jwks: unknown
  readonly issuer: string
  readonly recipient: string
  /** A file that does not exist yet. */
  readonly out?: string
}

export interface OpenedText {
  /** The grant or credential it is about. */
  readonly about: string
  readonly expiresAt: number
  /** The token, or the JSON of a credential file. */
  readonly text: string
}

/** Where a store is moved from, and to; the environment says where to, if neither of the two does. */
export interface MoveAsked {
  readonly from: string
  readonly to?: string
  /** A file that holds the URL. */
  readonly toFile?: string
}

export const keyAlgorithms = ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256'] as const

export interface KeyAsked {
  readonly file: string
  readonly alg: (typeof keyAlgorithms)[number]
  readonly kid?: string
  /** Whether a key to seal to is made with it. */
  readonly encryption?: boolean
  /** Whose key it becomes, or which credential it follows; absent, it is registered nowhere. */
  readonly agent?: string
  readonly rotate?: string
  /** The address of a remote Remit that registers it; absent, it is this one. */
  readonly url?: string
}

export interface MadeKey {
  readonly file: string
  readonly public_jwk: Readonly<Record<string, unknown>>
  readonly encryption_jwk?: Readonly<Record<string, unknown>>
  /** The call by which it is still to be registered, with AGENT for the name or id. */
  readonly register?: { readonly operation: string; readonly arguments: object }
  readonly agent_id?: string
  readonly credential_id?: string
}

/** A certificate for a new credential of the agent, or for the one that is named. */
export interface CaAsked {
  readonly agent: string
  readonly credential?: string
  readonly hours: number
  /** Path of a PEM file; absent, a key is made as well. */
  readonly publicKey?: string
  readonly out: string
}

export interface CaIssued {
  readonly agent_id: string
  readonly credential_id: string
  readonly serial: string
  readonly not_after: number
  readonly certificate_file: string
  readonly key_file?: string
}

export interface ExecAsked {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]]
  /** What its token allows, and for how many seconds. */
  readonly scopes: readonly string[]
  readonly ttl?: number
}

export interface CaHost {
  init(name: string, days: number): Promise<object>
  issue(asked: CaAsked): Promise<CaIssued>
  revoke(
    meant: { readonly serial?: string; readonly credential?: string },
    days: number,
  ): Promise<object>
  publish(days: number): Promise<object>
}

export interface Host {
  readonly version: string
  init(options: { readonly orgName?: string }): Promise<InitResult>
  recover(): Promise<RecoverResult>
  migrate(): Promise<{ readonly from: number; readonly to: number }>
  diagnose(): Promise<readonly Finding[]>
  verifyAudit(asked: VerifyAsked): Promise<AuditVerdict>
  /** Gives each line of the export to `write`; returns how many events there were. */
  exportAudit(write: (line: string) => Promise<void>): Promise<number>
  backup(file: string): Promise<BackupResult>
  restore(file: string, acceptOlder: boolean): Promise<RestoreResult>
  moveStore(asked: MoveAsked): Promise<MoveResult>
  prune(asked: PruneAsked): Promise<PruneReport>
  rotateMaster(newKeyFile?: string): Promise<MasterRotation>
  /** Opens what was sealed to the key in a private file; needs no store. */
  openSealed(asked: OpenAsked): Promise<OpenedText>
  makeKey(asked: KeyAsked): Promise<MadeKey>
  /** The key set, as anyone may have it. */
  publicKeys(): Promise<object>
  readonly ca: CaHost
  /** Falls back to the administrator's credential file where the environment names none. */
  openSession(): Promise<Session>
  /** Runs a command with a token in place of the credential; returns its exit code. */
  exec(asked: ExecAsked): Promise<number>
  /** Serves MCP until its input ends; returns the exit code. */
  serveStdio(): Promise<number>
  /** Serves the Remit at that address on stdin and stdout, until its input ends; returns the exit code. */
  bridge(url: string): Promise<number>
  /** Serves HTTP until it is told to stop; returns the exit code. */
  serveHttp(): Promise<number>
}
