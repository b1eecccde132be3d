// What the commands need from the process they run in. The composition root provides it, so that the
// commands know neither store nor keys.

import type { AuditReport } from '../authority/audit-verification.ts'
import type { Context } from '../authority/context.ts'
import type { Finding } from '../authority/diagnosis.ts'
import type { InitResult } from '../authority/init.ts'
import type { Presented } from '../authority/presented.ts'
import type { RecoverResult } from '../authority/recover.ts'

/** An open store with this server registered, and who calls. */
export interface Session {
  readonly context: Context
  readonly environment: Presented
  close(): Promise<void>
}

export interface Host {
  readonly version: string
  init(options: { readonly orgName?: string }): Promise<InitResult>
  recover(): Promise<RecoverResult>
  migrate(): Promise<{ readonly from: number; readonly to: number }>
  diagnose(): Promise<readonly Finding[]>
  verifyAudit(chain?: string): Promise<AuditReport>
  /** Falls back to the administrator's credential file where the environment names none. */
  openSession(): Promise<Session>
  /** Serves MCP until its input ends; returns the exit code. */
  serveStdio(): Promise<number>
}
