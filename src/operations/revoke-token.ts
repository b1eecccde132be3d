// revoke_token: ends a branch of delegation at once, whatever its size, by one row. Without
// `tokens:revoke` every selector reaches only what is one's own.

import * as z from 'zod'
import { isOwn } from '../authority/acting.ts'
import { grantState } from '../authority/grant-state.ts'
import type { GrantState } from '../authority/grant-state.ts'
import { metaKeys } from '../authority/presented.ts'
import { recognise } from '../authority/tokens.ts'
import { Refusal } from '../core/refusal.ts'
import type { Revocation } from '../core/revocation.ts'
import { grantsOfInstance } from '../store/grants.ts'
import { insertRevocation } from '../store/revocations.ts'
import { one } from '../store/store.ts'
import { tokenById } from '../store/tokens.ts'
import { endedBy, whatEnded } from './ended-by.ts'
import * as field from './fields.ts'
import { findAgent, may, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { ownWithin } from './own-grants.ts'

const input = z.object({
  token_id: field.id('tok').optional().describe('Ends the grant of this token.'),
  grant_id: field.id('grt').optional(),
  instance_id: field.id('ins').optional(),
  agent: field.agentRef.optional().describe('All its grants; the agent itself stays active.'),
  credential_id: field.id('crd').optional().describe('All grants it made; it stays valid itself.'),
  task: field.task.optional().describe('This task and its sub-tasks.'),
  minted_before: z.int().min(0).optional().describe('Only what was minted at or before this time.'),
  cause: field.cause,
  count: z.boolean().optional().describe('Also count what ends.'),
})

type Asked = z.output<typeof input>
type Selected = Pick<Revocation, 'kind' | 'target' | 'within'>

export const revokeToken = defineOperation({
  name: 'revoke_token',
  title: 'Revoke',
  summary:
    'Ends a grant and everything below it, or all grants of an instance, agent, credential or task. Takes effect on the next call.',
  permission: '· / tokens:revoke',
  effect: 'destroy',
  spendsUse: true,
  input,
  output: z.object({
    revoked_at: field.time,
    grants_ended: z.int().optional(),
    agents_touched: field.strings.optional(),
    made_under: field.strings.optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: async (asked, call) => {
    const selected = await select(call, asked)
    const revocation: Omit<Revocation, 'seq'> = {
      orgId: call.caller.orgId,
      ...selected,
      ...(asked.minted_before !== undefined && { mintedBefore: asked.minted_before }),
      cause: asked.cause,
      at: call.now,
    }
    const wantsCount = asked.count === true || call.dryRun
    return {
      result: {
        revoked_at: call.now,
        ...(wantsCount && (await whatEnded(call, revocation))),
        ...(call.dryRun && { dry_run: true }),
      },
      writes: [insertRevocation(revocation)],
      target: selected.target,
      detail: { kind: selected.kind, cause: asked.cause },
    }
  },
})

/** One that is presented itself, as its holder may always do (RFC 7009), is no argument. */
const selectors = ['token_id', 'grant_id', 'instance_id', 'agent', 'credential_id', 'task'] as const

async function select(call: Call, asked: Asked): Promise<Selected> {
  const given = selectors.filter((name) => asked[name] !== undefined)
  const presented = call.meta[metaKeys.subjectToken]
  if (typeof presented === 'string' && given.length === 0) return byPresented(call, presented)
  const [selector] = given
  if (selector === undefined || given.length > 1 || presented !== undefined) {
    throw new Refusal('invalid_request', {
      message: `Give exactly one of ${selectors.join(', ')}.`,
    })
  }
  switch (selector) {
    case 'token_id':
      return byToken(call, asked.token_id ?? '')
    case 'grant_id':
      return byGrant(call, await grantState(call.context.live, asked.grant_id ?? '', call.now))
    case 'instance_id':
      return byInstance(call, asked.instance_id ?? '')
    case 'agent':
      return byAgent(call, asked.agent ?? '')
    case 'credential_id':
      return byCredential(call, asked.credential_id ?? '')
    case 'task':
      return bounded(call, 'task', asked.task ?? '', 'tokens:revoke', unknown('grant'))
  }
}

/** A token that is presented is its holder's to end, by whatever that agent proves itself. */
async function byPresented(call: Call, presentedToken: string): Promise<Selected> {
  const { context, caller, now } = call
  const recognised = await recognise(context, presentedToken)
  if (!recognised.ok) throw new Refusal('not_found', findingOf(recognised.refusal))
  const state = await grantState(context.live, recognised.token.grantId, now)
  const isByCredential = caller.credential !== undefined && !caller.actsAs
  const isHolder = isByCredential && state?.grant.agentId === caller.presenter.id
  if (isHolder) return { kind: 'grant', target: state.grant.id, within: [] }
  return byGrant(call, state, unknown('token'))
}

const findingOf = ({ detail: { finding } }: Refusal) => ({
  ...unknown('token').detail,
  ...(finding !== undefined && { finding }),
})

async function byToken(call: Call, tokenId: string): Promise<Selected> {
  const { context, now } = call
  const token = await one(context.store.read(tokenById(tokenId)))
  if (token === undefined) throw unknown('token')
  return byGrant(call, await grantState(context.live, token.grantId, now), unknown('token'))
}

function byGrant(call: Call, state: GrantState | undefined, no = unknown('grant')): Selected {
  if (state === undefined || !mayRevoke(call, state)) throw no
  return { kind: 'grant', target: state.grant.id, within: [] }
}

/** An instance holds one grant, so that whoever may end that may end the instance. */
async function byInstance(call: Call, instanceId: string): Promise<Selected> {
  const grants = await call.context.store.read(grantsOfInstance(instanceId))
  for (const grant of grants) {
    const state = await grantState(call.context.live, grant.id, call.now)
    if (state !== undefined && mayRevoke(call, state)) {
      return { kind: 'instance', target: instanceId, within: [] }
    }
  }
  throw unknown('grant')
}

async function byAgent(call: Call, ref: string): Promise<Selected> {
  const agent = findAgent(call, ref)
  if (agent === undefined) throw unknown('agent')
  const permission = `tokens/${agent.name}:revoke`
  return bounded(call, 'agent', agent.id, permission, unknown('agent'))
}

async function byCredential(call: Call, id: string): Promise<Selected> {
  const { live } = call.context
  const credential = live.credential(id)
  const agent = credential === undefined ? undefined : live.agent(credential.agentId)
  if (agent?.orgId !== call.caller.orgId) throw unknown('credential')
  const permission = `tokens/${agent.name}:revoke`
  return bounded(call, 'credential', id, permission, unknown('credential'))
}

/** With the permission all of it; without, what is one's own of it, or nothing is known of it. */
async function bounded(
  call: Call,
  kind: Revocation['kind'],
  target: string,
  permission: string,
  no: Refusal,
): Promise<Selected> {
  if (may(call, permission)) return { kind, target, within: [] }
  const selected: Selected = { kind, target, within: ownWithin(call) }
  const revocation = { ...selected, orgId: call.caller.orgId, cause: '', at: call.now }
  for await (const _ of endedBy(call, revocation)) return selected
  throw no
}

function mayRevoke(call: Call, state: GrantState): boolean {
  const { caller, context } = call
  if (state.grant.orgId !== caller.orgId) return false
  const name = context.live.agent(state.grant.agentId)?.name ?? ''
  return isOwn(context, caller, state) || may(call, `tokens/${name}:revoke`)
}
