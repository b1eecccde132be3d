// register_mcp_server: presented by a registration credential or a bound key, never by an agent. What it
// does stands in authority/register-server.ts, which this server's own start uses too.

import * as z from 'zod'
import type { Presented } from '../authority/presented.ts'
import { registerServer } from '../authority/register-server.ts'
import type { Registered } from '../authority/register-server.ts'
import { Refusal } from '../core/refusal.ts'
import type { Secret } from '../crypto/secret.ts'
import { name, time } from './fields.ts'
import { defineOperation } from './operation.ts'
import type { Handed, Outcome } from './operation.ts'

const input = z.strictObject({
  name: name.describe('The server name that the registration credential was issued for.'),
  version: z.string().regex(/^[\x21-\x7e]{1,64}$/),
  public_jwk: z.record(z.string(), z.unknown()).describe("The server's own public key."),
  tools: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(128),
        scope_name: name.optional().describe('Its name in scopes, where its own cannot be one.'),
      }),
    )
    .max(512),
  resource_types: z
    .array(z.strictObject({ type: name, operations: z.array(name).min(1).max(128) }))
    .max(128),
})

export const registerMcpServer = defineOperation({
  name: 'register_mcp_server',
  title: 'Register an MCP server',
  summary:
    'An MCP server registers itself, updates its registration or reports that it is alive; not for agents.',
  permission: 'a registration credential, nothing else',
  effect: 'write',
  spendsUse: false,
  refusesActAs: 'invalid_request',
  input,
  output: z.object({
    server_id: z.string(),
    registered_at: time,
    audience: z.string().describe('What tokens for this server have as audience.'),
    dry_run: z.boolean().optional(),
  }),
  handle: (): Outcome<Registered> => {
    throw new Refusal('wrong_credential_class', {
      message: "An agent's authority is not accepted here.",
      remedy: {
        text: 'The server itself presents its registration credential and a proof by its key.',
      },
    })
  },
  strangers: {
    presenting: ['registration', 'server_proof', 'management_token'],
    handle: async (asked, { context, presented, dryRun, wantsManagement }) => {
      try {
        const { result, token } = await registerServer(context, {
          ...requestOf(asked),
          ...shownIn(presented),
          dryRun,
          ...(wantsManagement === true && { wantsToken: true }),
        })
        return {
          result: { ...result, ...(dryRun && { dry_run: true }) },
          ...(token !== undefined && { handed: handedToken(token) }),
        }
      } catch (error) {
        if (error instanceof Refusal) return { refusal: error }
        throw error
      }
    },
  },
})

/** Over HTTP only, and never as content. */
const handedToken = (token: Secret): Handed => ({
  delivery: { kind: 'meta' },
  meta: { 'dev.remit/management_token': token.reveal() },
})

/** The arguments as the authority takes them. */
const requestOf = (asked: z.output<typeof input>) => ({
  name: asked.name,
  version: asked.version,
  publicJwk: asked.public_jwk,
  tools: asked.tools.map(({ name: toolName, scope_name }) => ({
    name: toolName,
    ...(scope_name !== undefined && { scope_name }),
  })),
  resourceTypes: asked.resource_types,
})

function shownIn(presented: Presented) {
  switch (presented.kind) {
    case 'registration':
    case 'server_proof':
      return presented
    case 'management_token':
      return { presentedToken: presented.presentedSecret }
    default:
      throw new Refusal('invalid_client')
  }
}
