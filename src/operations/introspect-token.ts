// introspect_token: what a token or grant is, after RFC 7662. What the caller has no part in is inactive,
// whatever it is.

import { isOwn } from '../authority/acting.ts'
import { Refusal } from '../core/refusal.ts'
import { introspectAsServer } from './introspect-as-server.ts'
import {
  described,
  introspection,
  introspectionInput,
  subjectOf,
  whyInactive,
} from './introspection.ts'
import type { Introspection } from './introspection.ts'
import { may } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Outcome } from './operation.ts'

export const introspectToken = defineOperation({
  name: 'introspect_token',
  title: 'Introspect a token',
  summary: 'Whether a token or grant is active, and if so what it is (RFC 7662).',
  permission: '· / tokens:read',
  effect: 'read',
  spendsUse: false,
  input: introspectionInput,
  output: introspection,
  handle: async (asked, call): Promise<Outcome<Introspection>> => {
    if (asked.spend === true) {
      throw new Refusal('insufficient_scope', {
        message: 'Only the server in the audience of a token counts its uses.',
      })
    }
    const subject = await subjectOf(call, asked)
    if (subject === undefined) return { result: { active: false } }
    const { state } = subject
    const { grant } = state
    const name = call.context.live.agent(grant.agentId)?.name ?? ''
    const mayKnow =
      grant.orgId === call.caller.orgId &&
      (isOwn(call.context, call.caller, state) || may(call, `tokens/${name}:read`))
    if (!mayKnow) return { result: { active: false } }
    const reason = whyInactive(call, subject)
    if (reason !== undefined) return { result: { active: false, reason }, target: grant.id }
    return { result: await described(call, subject), target: grant.id }
  },
  strangers: {
    presenting: ['server_proof', 'management_token'],
    handle: introspectAsServer,
  },
})
