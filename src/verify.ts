// The package `remit-mcp/verify`: for MCP servers, and any others, that verify the tokens of a Remit by
// themselves. Needs neither database nor native module, and nothing of the rest of Remit at run time.
//
//   const remit = createVerifier({ issuer, audience, url })
//   protectTools(server, remit, { server: 'notes' })

export type { Confirmation } from './core/binding.ts'
export type { Decision } from './core/decision.ts'
export type { RefusalCode, RefusalError, Remedy } from './core/refusal.ts'
export type { Fetch } from './verify/fetch-text.ts'
export type { Introspect } from './verify/introspected.ts'
export type { OfflineAuthority } from './verify/offline-authority.ts'
export { protectTools } from './verify/protect-tools.ts'
export type { Protectable, ProtectOptions } from './verify/protect-tools.ts'
export type { Reason } from './verify/reasons.ts'
export { createVerifier } from './verify/verifier.ts'
export type {
  Checked,
  Presentation,
  Verdict,
  Verifier,
  VerifierOptions,
} from './verify/verifier.ts'
