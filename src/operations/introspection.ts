// What introspection is about, and how it is told (RFC 7662 §2.2): the same for agents and for servers.

import * as z from 'zod'
import { audienceName } from '../authority/audience.ts'
import type { Context } from '../authority/context.ts'
import { grantState } from '../authority/grant-state.ts'
import type { GrantState } from '../authority/grant-state.ts'
import { metaKeys } from '../authority/presented.ts'
import { actorsOf, recognise, tokenDeath } from '../authority/tokens.ts'
import { effectiveScopes } from '../core/authority.ts'
import { confirmationOf, tokenTypeOf } from '../core/binding.ts'
import type { Token } from '../core/grant.ts'
import { Refusal } from '../core/refusal.ts'
import { formatScopes } from '../core/scope.ts'
import { newestTokens, tokenById } from '../store/tokens.ts'
import { one } from '../store/store.ts'
import * as field from './fields.ts'
import { leastLeft } from './reissuing.ts'

export const introspectionInput = z.object({
  token: z
    .string()
    .min(1)
    .max(32_768)
    .optional()
    .describe('Better given as _meta["dev.remit/subject_token"], where no model sees it.'),
  token_id: field.id('tok').optional(),
  grant_id: field.id('grt').optional(),
  spend: z.boolean().optional().describe('Only for the server in the audience: counts one use.'),
})

export const introspection = z.object({
  active: z.boolean(),
  reason: z.string().optional(),
  scope: z.string().optional(),
  sub: z.string().optional(),
  aud: z.string().optional(),
  client_id: z.string().optional(),
  iat: field.time.optional(),
  exp: field.time.optional(),
  jti: z.string().optional(),
  iss: z.string().optional(),
  token_type: z.string().optional(),
  act: z.record(z.string(), z.unknown()).optional(),
  cnf: z.record(z.string(), z.unknown()).optional(),
  grant_id: z.string().optional(),
  lineage: field.strings.optional(),
  depth: z.int().optional(),
  max_depth: z.int().optional(),
  uses_left: z.int().optional(),
  task: z.string().optional(),
  require: field.strings.optional().describe('Protections that every use must have.'),
})

export type Introspection = z.output<typeof introspection>

export interface Subject {
  readonly state: GrantState
  readonly token?: Token
}

/** Who asks, as far as introspection needs to know. */
interface Asking {
  readonly context: Context
  readonly meta: Readonly<Record<string, unknown>>
  readonly now: number
}

type Asked = z.output<typeof introspectionInput>

/** The one token or grant that is asked about; `undefined` where nothing is known of it. */
export async function subjectOf(call: Asking, asked: Asked): Promise<Subject | undefined> {
  const { context, meta, now } = call
  const inMeta = meta[metaKeys.subjectToken]
  const given = [asked.token, asked.token_id, asked.grant_id, inMeta].filter((v) => v !== undefined)
  if (given.length !== 1) {
    throw new Refusal('invalid_request', { message: 'Name exactly one token or grant.' })
  }
  const token = await tokenMeant(call, asked, inMeta)
  if (token === undefined && asked.grant_id === undefined) return undefined
  const state = await grantState(context.live, asked.grant_id ?? token?.grantId ?? '', now)
  if (state === undefined) return undefined
  if (token !== undefined) return { state, token }
  const newest = await one(context.store.read(newestTokens([state.grant.id])))
  const isGood = newest !== undefined && tokenDeath(context, newest, now) === undefined
  return { state, ...(isGood && { token: newest }) }
}

async function tokenMeant({ context }: Asking, asked: Asked, inMeta: unknown) {
  if (asked.token_id !== undefined) return one(context.store.read(tokenById(asked.token_id)))
  const text = asked.token ?? inMeta
  if (typeof text !== 'string') return undefined
  const recognised = await recognise(context, text)
  return recognised.ok ? recognised.token : undefined
}

/** The code for which the token or its grant is not active; a grant without a token is as its grant. */
export function whyInactive(call: Asking, { state, token }: Subject): string | undefined {
  if (!state.liveness.live) return state.liveness.code
  if (token === undefined) return undefined
  return tokenDeath(call.context, token, call.now) === undefined ? undefined : 'invalid_token'
}

export async function described(
  { context }: Pick<Asking, 'context'>,
  { state, token }: Subject,
): Promise<Introspection> {
  const { grant, chain, authority } = state
  const left = await leastLeft({ context }, state)
  const act = actorsOf(chain)
  return {
    active: true,
    scope: formatScopes(effectiveScopes(authority)),
    sub: chain[0].agentId,
    aud: audienceName(context, token?.audience ?? context.self.serverId),
    client_id: grant.agentId,
    iat: token?.issuedAt ?? grant.createdAt,
    ...(token !== undefined && { exp: token.expiresAt, jti: token.id }),
    ...(token === undefined && grant.expiresAt !== undefined && { exp: grant.expiresAt }),
    iss: context.self.issuer,
    token_type: tokenTypeOf(grant.binding),
    ...(act !== undefined && { act: { ...act } }),
    ...(grant.binding !== undefined && { cnf: { ...confirmationOf(grant.binding) } }),
    grant_id: grant.id,
    lineage: [...grant.lineage],
    depth: grant.depth,
    max_depth: grant.maxDepth,
    ...(left !== undefined && { uses_left: left }),
    ...(grant.task !== undefined && { task: grant.task }),
    ...(grant.require.length > 0 && { require: [...grant.require] }),
  }
}
