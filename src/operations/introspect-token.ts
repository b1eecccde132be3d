// introspect_token: what a token or grant is, after RFC 7662. What the caller has no part in is inactive,
// whatever it is.

import * as z from 'zod'
import { isOwn } from '../authority/acting.ts'
import { audienceName } from '../authority/audience.ts'
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
import { may } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'
import { leastLeft } from './reissuing.ts'

const input = z.object({
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

const output = z.object({
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
})

type Introspection = z.output<typeof output>

export const introspectToken = defineOperation({
  name: 'introspect_token',
  title: 'Introspect a token',
  summary: 'Whether a token or grant is active, and if so what it is (RFC 7662).',
  permission: '· / tokens:read',
  effect: 'read',
  spendsUse: false,
  input,
  output,
  handle: async (asked, call): Promise<Outcome<Introspection>> => {
    if (asked.spend === true) {
      throw new Refusal('insufficient_scope', {
        message: 'Only the server in the audience of a token counts its uses.',
      })
    }
    const subject = await subjectOf(call, asked)
    if (subject === undefined) return { result: { active: false } }
    const { state, token } = subject
    const { grant } = state
    const name = call.context.live.agent(grant.agentId)?.name ?? ''
    const mayKnow =
      grant.orgId === call.caller.orgId &&
      (isOwn(call.context, call.caller, state) || may(call, `tokens/${name}:read`))
    if (!mayKnow) return { result: { active: false } }
    const reason = whyInactive(call, state, token)
    if (reason !== undefined) return { result: { active: false, reason }, target: grant.id }
    return { result: await described(call, state, token), target: grant.id }
  },
})

interface Subject {
  readonly state: GrantState
  readonly token?: Token
}

async function subjectOf(call: Call, asked: z.output<typeof input>): Promise<Subject | undefined> {
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

async function tokenMeant(
  { context }: Call,
  asked: z.output<typeof input>,
  inMeta: unknown,
): Promise<Token | undefined> {
  if (asked.token_id !== undefined) return one(context.store.read(tokenById(asked.token_id)))
  const text = asked.token ?? inMeta
  if (typeof text !== 'string') return undefined
  const recognised = await recognise(context, text)
  return recognised.ok ? recognised.token : undefined
}

/** The code for which the token or its grant is not active; a grant without a token is as its grant. */
function whyInactive(call: Call, state: GrantState, token: Token | undefined): string | undefined {
  if (!state.liveness.live) return state.liveness.code
  if (token === undefined) return undefined
  return tokenDeath(call.context, token, call.now) === undefined ? undefined : 'invalid_token'
}

async function described(call: Call, state: GrantState, token: Token | undefined) {
  const { context } = call
  const { grant, chain, authority } = state
  const left = await leastLeft(call, state)
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
  }
}
