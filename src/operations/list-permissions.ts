// list_permissions: what a grant allows at this moment, and its limits.

import * as z from 'zod'
import { isOwn } from '../authority/acting.ts'
import { audienceName, audienceOf } from '../authority/audience.ts'
import { deadRefusal, grantState } from '../authority/grant-state.ts'
import type { Authority } from '../core/authority.ts'
import { effectiveScopes } from '../core/authority.ts'
import * as field from './fields.ts'
import { may, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { leastLeft } from './reissuing.ts'

export const listPermissions = defineOperation({
  name: 'list_permissions',
  title: 'List permissions',
  summary: 'The scopes in effect now for your grant, its audience and its limits.',
  permission: '·',
  effect: 'read',
  spendsUse: false,
  stands: true,
  input: z.object({
    grant_id: field.id('grt').optional(),
    type: field.name.optional().describe('Only scopes of this resource type.'),
  }),
  output: z.object({
    scopes: field.strings,
    audience: field.strings,
    limits: z.object({
      expires_at: field.time.optional(),
      depth_left: z.int(),
      uses_left: z.int().optional(),
    }),
  }),
  handle: async ({ grant_id, type }, call) => {
    const { context } = call
    const authority = await authorityAsked(call, grant_id)
    const { grant } = authority
    const left = await leastLeft(call, authority)
    return {
      result: {
        scopes: effectiveScopes(authority)
          .filter((scope) => type === undefined || scope.type === type)
          .map((scope) => scope.text),
        audience: audienceOf(context, grant).map((id) => audienceName(context, id)),
        limits: {
          ...(grant.expiresAt !== undefined && { expires_at: grant.expiresAt }),
          depth_left: Math.max(0, grant.maxDepth - grant.depth),
          ...(left !== undefined && { uses_left: left }),
        },
      },
      ...(grant_id !== undefined && { target: grant_id }),
    }
  },
})

async function authorityAsked(call: Call, grantId: string | undefined): Promise<Authority> {
  const { caller, context, now } = call
  if (grantId === undefined) return caller.acting
  const state = await grantState(context.live, grantId, now)
  if (state === undefined || state.grant.orgId !== caller.orgId) throw unknown('grant')
  if (!isOwn(context, caller, state) && !may(call, 'permissions:check')) throw unknown('grant')
  if (!state.liveness.live) throw deadRefusal(grantId, state)
  return state.authority
}
