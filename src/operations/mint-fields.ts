// What minting and delegating take and answer.

import * as z from 'zod'
import { hardMaxDepth } from '../core/grant.ts'
import * as field from './fields.ts'

export const mintInput = z.object({
  scopes: field.scopes,
  audience: z
    .array(z.string().min(1).max(512))
    .min(1)
    .max(32)
    .optional()
    .describe('For which servers: the issuer (default), or registered MCP servers by id or name.'),
  ttl_seconds: field.seconds.optional().describe('Life of the token in seconds; default 300.'),
  grant_ttl_seconds: field.seconds
    .optional()
    .describe('Life of the grant in seconds, within which tokens can be renewed.'),
  max_depth: z
    .int()
    .min(0)
    .max(hardMaxDepth)
    .optional()
    .describe('How deep below the root delegation may go; default 5.'),
  uses: z.int().min(1).max(1_000_000_000).optional().describe('At most this many uses in all.'),
  task: field.task.optional(),
  instance: field.name.optional().describe('A label for this run.'),
  bind_jwk: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Public JWK; tokens of the grant are worth nothing without a proof by that key.'),
  require: field.require.optional().describe('Protections every use must have.'),
  on_excess: z
    .enum(['refuse', 'narrow'])
    .optional()
    .describe('narrow drops scopes that go too far, whole, and reports them.'),
  delivery: field.delivery.optional(),
})

export type MintInput = z.output<typeof mintInput>

export const mintOutput = z.object({
  grant_id: z.string(),
  token_id: z.string(),
  agent_id: z.string(),
  instance_id: z.string().optional(),
  scopes: field.strings,
  audience: field.strings,
  expires_at: field.time,
  grant_expires_at: field.time,
  depth: z.int(),
  max_depth: z.int(),
  uses_left: z.int().optional(),
  lineage: field.strings,
  dropped: field.strings,
  delivery: field.delivered.optional(),
  dry_run: z.boolean().optional(),
})

export type Minted = z.output<typeof mintOutput>
