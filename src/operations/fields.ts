// The shapes that arguments and results share, each defined once. Descriptions are written for the agent
// that fills them in.

import * as z from 'zod'
import { deliveryKinds } from '../authority/context.ts'
import { agentStatuses, authMethods, sensitivities } from '../core/agent.ts'
import { protections } from '../core/grant.ts'
import { idPattern, isId } from '../core/id.ts'
import type { IdPrefix } from '../core/id.ts'
import { isFreeText, isName, isTask, namePattern } from '../core/name.ts'
import { maxScopes } from '../core/scope.ts'

const text = z.string().max(4096)

export const id = (prefix: IdPrefix) =>
  z.string().regex(idPattern(prefix), { error: `must be an id that begins with ${prefix}_` })

export const name = z
  .string()
  .regex(namePattern, { error: 'must match [a-z0-9][a-z0-9._-]{0,63}' })
  .refine(isName, { error: 'must not look like an id' })

/** An agent by id or by name. */
export const agentRef = text
  .refine((value) => isId('agt', value) || isName(value), { error: 'must be an agent id or name' })
  .describe('Agent id (agt_…) or name.')

export const serverRef = text
  .refine((value) => isId('srv', value) || isName(value), { error: 'must be a server id or name' })
  .describe('MCP server id (srv_…) or name.')

export const freeText = text.refine(isFreeText, {
  error: 'must be at most 500 characters without control characters',
})

/** Free text that is more than blanks. */
export const saying = freeText.regex(/\S/)

export const cause = saying.describe('Why, for the audit; free text.')

/** Scopes are parsed by the operation, so that all bad ones are named together. */
export const scopes = z
  .array(text)
  .min(1)
  .max(maxScopes)
  .describe('Scopes such as documents/reports/**:read; * is one segment, ** the rest.')

export const task = text
  .refine(isTask, { error: 'must be 1 to 16 labels joined by /' })
  .describe('Task label, e.g. release/notes; a child keeps to it or to a sub-task.')

export const seconds = z.int().min(1).max(315_360_000)
export const limit = z.int().min(1).max(1000)
export const cursor = (prefix: IdPrefix) => id(prefix).describe('next_cursor of the answer before.')
export const delivery = z
  .enum(deliveryKinds)
  .describe(
    'How to hand it out: handle (ids only), meta (result _meta), file (path), handoff (one-time code), sealed (encrypted to the recipient), inline (only if allowed).',
  )
export const require = z.array(z.enum(protections)).max(protections.length)
export const status = z.enum(agentStatuses)
export const sensitivity = z.enum(sensitivities)
export const methods = z.array(z.enum(authMethods)).min(1).max(authMethods.length)

/** Results: loose shapes, since what we answer is ours. */
export const time = z.int().describe('Unix time in seconds.')
export const strings = z.array(z.string())

export const delivered = z.object({
  kind: z.enum(deliveryKinds),
  path: z.string().optional(),
  handoff: z.string().optional(),
  jwe: z.string().optional(),
  token: z.string().optional(),
  secret: z.string().optional(),
})

/** Every operation takes these; writes take the last two as well. */
export const commonArguments = {
  act_as: id('grt').optional().describe('Act under this grant, which must descend from your own.'),
}

export const writeArguments = {
  dry_run: z.boolean().optional().describe('Say what would happen and change nothing.'),
  idempotency_key: text
    .min(1)
    .max(128)
    .refine(isFreeText, { error: 'must not hold control characters' })
    .optional()
    .describe('Repeat with the same key to get the same answer after a lost one.'),
}
