// Another MCP server as tests need it: invited by the administrator, with a key of its own, proving itself
// as it would from outside.

import {
  generateRegistrationKey,
  signRegistrationProof,
} from '../../src/crypto/registration-proof.ts'
import type { OkpPrivateJwk } from '../../src/crypto/registration-proof.ts'
import { issueRegistrationCredential } from '../../src/operations/issue-registration-credential.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import type { Holder, World } from './world.ts'

const nobody = { kind: 'nothing' } as const

/** What an invited server was handed. */
export interface Invitation {
  readonly name: string
  readonly serverId: string
  readonly credentialId: string
  readonly secret: string
}

export interface OtherServer extends Invitation {
  readonly privateJwk: OkpPrivateJwk
}

export async function invited(
  w: World,
  name: string,
  args: Record<string, unknown> = {},
  as: Holder = w.admin,
): Promise<Invitation> {
  const asked = { server_name: name, delivery: 'meta', ...args }
  const answer = await w.call(issueRegistrationCredential, asked, as)
  if (!answer.ok) throw answer.refusal
  const { credential_id: credentialId, server_id: serverId } = answer.result
  const secret = answer.meta?.['dev.remit/secret']
  if (secret === undefined) throw new Error('No secret was handed out.')
  return { name, secret, serverId: String(serverId), credentialId: String(credentialId) }
}

/** A proof by the server's key, good once. */
export const proofBy = (
  w: World,
  { name, credentialId }: Pick<Invitation, 'name' | 'credentialId'>,
  privateJwk: OkpPrivateJwk,
  change: Partial<Parameters<typeof signRegistrationProof>[0]> = {},
): string =>
  signRegistrationProof({
    privateJwk,
    serverName: name,
    credentialId,
    audience: w.issuer,
    now: w.now(),
    jti: w.context.newId('evt'),
    ...change,
  })

const publicJwk = ({ kty, crv, x }: OkpPrivateJwk) => ({ kty, crv, x })

export const aboutServer = (name: string, privateJwk: OkpPrivateJwk, change = {}) => ({
  name,
  version: '1',
  public_jwk: publicJwk(privateJwk),
  tools: [],
  resource_types: [],
  ...change,
})

/** Arguments of a call that redeems an invitation, for `w.call` and its kin. */
export function registering(
  w: World,
  invitation: Invitation,
  change: Record<string, unknown> = {},
  privateJwk = generateRegistrationKey().privateJwk,
) {
  const meta = {
    'dev.remit/registration': invitation.secret,
    'dev.remit/proof': proofBy(w, invitation, privateJwk),
  }
  return [aboutServer(invitation.name, privateJwk, change), nobody, { meta }] as const
}

/** A registered server. */
export async function serverNamed(
  w: World,
  name: string,
  change: Record<string, unknown> = {},
  as: Holder = w.admin,
): Promise<OtherServer> {
  const invitation = await invited(w, name, {}, as)
  const { privateJwk } = generateRegistrationKey()
  await w.result(registerMcpServer, ...registering(w, invitation, change, privateJwk))
  return { ...invitation, privateJwk }
}

/** Arguments of a later call by the bound key. */
export const byKey = (w: World, server: OtherServer, more: Record<string, unknown> = {}) => ({
  meta: { 'dev.remit/proof': proofBy(w, server, server.privateJwk), ...more },
})
