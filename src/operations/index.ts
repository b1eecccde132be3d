// The table of operations, in the order in which every door shows them.

import type { Operation } from './operation.ts'
import { addCredential } from './add-credential.ts'
import { authAnswer } from './auth-answer.ts'
import { authChallenge } from './auth-challenge.ts'
import { checkPermission } from './check-permission.ts'
import { claimHandoff } from './claim-handoff.ts'
import { delegateToken } from './delegate-token.ts'
import { delegationTree } from './delegation-tree.ts'
import { getAgent } from './get-agent.ts'
import { introspectToken } from './introspect-token.ts'
import { issueRegistrationCredential } from './issue-registration-credential.ts'
import { listAgents } from './list-agents.ts'
import { listCredentials } from './list-credentials.ts'
import { listMcpServers } from './list-mcp-servers.ts'
import { listPermissions } from './list-permissions.ts'
import { listResourceTypes } from './list-resource-types.ts'
import { listTokens } from './list-tokens.ts'
import { listTrustAnchors } from './list-trust-anchors.ts'
import { mintToken } from './mint-token.ts'
import { queryAudit } from './query-audit.ts'
import { registerAgent } from './register-agent.ts'
import { registerMcpServer } from './register-mcp-server.ts'
import { registerResourceType } from './register-resource-type.ts'
import { registerTrustAnchor } from './register-trust-anchor.ts'
import { renewToken } from './renew-token.ts'
import { revokeCredential } from './revoke-credential.ts'
import { revokeRegistrationCredential } from './revoke-registration-credential.ts'
import { revokeToken } from './revoke-token.ts'
import { revokeTrustAnchor } from './revoke-trust-anchor.ts'
import { rotateCredential } from './rotate-credential.ts'
import { rotateRegistrationCredential } from './rotate-registration-credential.ts'
import { rotateSigningKey } from './rotate-signing-key.ts'
import { serverStatus } from './server-status.ts'
import { setAgentStatus } from './set-agent-status.ts'
import { updateAgent } from './update-agent.ts'
import { verifyAudit } from './verify-audit.ts'
import { verifyRequest } from './verify-request.ts'
import { whoamiAmong } from './whoami.ts'

export { inputSchemaOf } from './arguments.ts'

export const operations: readonly Operation[] = [
  whoamiAmong(() => operations),
  checkPermission,
  listPermissions,
  listResourceTypes,
  mintToken,
  renewToken,
  claimHandoff,
  delegateToken,
  introspectToken,
  listTokens,
  delegationTree,
  revokeToken,
  registerAgent,
  updateAgent,
  setAgentStatus,
  getAgent,
  listAgents,
  addCredential,
  listCredentials,
  rotateCredential,
  revokeCredential,
  registerTrustAnchor,
  listTrustAnchors,
  revokeTrustAnchor,
  serverStatus,
  listMcpServers,
  registerMcpServer,
  issueRegistrationCredential,
  rotateRegistrationCredential,
  revokeRegistrationCredential,
  registerResourceType,
  rotateSigningKey,
  verifyRequest,
  authChallenge,
  authAnswer,
  queryAudit,
  verifyAudit,
] as unknown as readonly Operation[]

const byName = new Map(operations.map((operation) => [operation.name, operation]))

export const operationByName = (name: string): Operation | undefined => byName.get(name)
