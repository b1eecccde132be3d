// What an agent is to the rules: a ceiling, a status, and who answers for it. An agent is a type; one
// run of it is an instance, and what it proves itself with is a credential.

import type { ScopeSet } from './scope.ts'

export const agentStatuses = ['active', 'suspended', 'retired'] as const
export type AgentStatus = (typeof agentStatuses)[number]

export const sensitivities = ['low', 'normal', 'high'] as const
export type Sensitivity = (typeof sensitivities)[number]

/** The ways in which an agent may be told to prove itself. */
export const authMethods = ['secret', 'api_key', 'client_assertion', 'x509'] as const
export type AuthMethod = (typeof authMethods)[number]

/** What whoever hears it once can present again. */
const bearerSecrets: ReadonlySet<AuthMethod> = new Set(['secret', 'api_key'])

/** Whether an agent may prove itself so: its list allows it, and `high` sensitivity no bearer secret. */
export const mayAuthenticateBy = (
  { authMethods: allowed, sensitivity }: Pick<Agent, 'authMethods' | 'sensitivity'>,
  method: AuthMethod,
): boolean => allowed.includes(method) && !(sensitivity === 'high' && bearerSecrets.has(method))

export interface Agent {
  readonly id: string
  readonly orgId: string
  readonly name: string
  readonly description: string
  readonly owner: string
  /** As recorded; where `computedCeiling` is set the ceiling follows the registered types instead. */
  readonly ceiling: ScopeSet
  readonly computedCeiling: boolean
  readonly sensitivity: Sensitivity
  readonly authMethods: readonly AuthMethod[]
  readonly rotationDays: number
  readonly status: AgentStatus
  readonly createdAt: number
  readonly createdBy?: string
  readonly createdUnder?: string
  /** Counts changes of this record, so that a change can depend on what it was decided on. */
  readonly version: number
}
