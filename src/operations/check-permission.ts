// check_permission: "may I?", answered with a reason for each permission asked about.

import * as z from 'zod'
import { deadRefusal, grantState } from '../authority/grant-state.ts'
import { isOwn } from '../authority/acting.ts'
import type { Authority } from '../core/authority.ts'
import { decide } from '../core/decision.ts'
import type { Decision } from '../core/decision.ts'
import { isPermission, parseScope } from '../core/scope.ts'
import * as field from './fields.ts'
import { may, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { flawOf } from './scopes.ts'

export const checkPermission = defineOperation({
  name: 'check_permission',
  title: 'Check permissions',
  summary:
    'Whether your grant (or one you may ask about) allows each permission, with what is missing and what would mend it.',
  permission: '· / permissions:check',
  effect: 'read',
  spendsUse: true,
  stands: true,
  input: z.object({
    permissions: z
      .array(z.string().max(2048))
      .min(1)
      .max(100)
      .describe('Permissions such as documents/reports/2026:read, without wildcards.'),
    grant_id: field.id('grt').optional().describe('Another grant; default: the one you act under.'),
  }),
  output: z.object({
    decision_id: z.string(),
    allowed: z.boolean(),
    results: z.array(
      z.object({
        permission: z.string(),
        allowed: z.boolean(),
        code: z.string(),
        matched_scope: z.string().optional(),
        missing_at: z.string().optional(),
        remedy: z
          .object({
            text: z.string(),
            operation: z.string().optional(),
            arguments: z.record(z.string(), z.unknown()).optional(),
          })
          .optional(),
      }),
    ),
  }),
  handle: async ({ permissions, grant_id }, call) => {
    const about = await askedAbout(call, grant_id)
    const results = permissions.map((permission) => decideOne(call, permission, about))
    const denied = results.find((result) => !result.allowed)
    const detail = {
      permissions: results.map((r) => (r.code === 'invalid_scope' ? '?' : r.permission)),
    }
    return {
      result: { decision_id: '', allowed: denied === undefined, results },
      detail,
      ...(grant_id !== undefined && { target: grant_id }),
      ...(denied !== undefined && { denied: denied.code }),
    }
  },
})

type About = { readonly authority: Authority } | { readonly dead: Omit<Decision, 'permission'> }

/** One's own authority, or that of a grant one may ask about; others are as good as unknown. */
async function askedAbout(call: Call, grantId: string | undefined): Promise<About> {
  const { caller, context, now } = call
  if (grantId === undefined) return { authority: caller.acting }
  const state = await grantState(context.live, grantId, now)
  if (state === undefined || state.grant.orgId !== caller.orgId) throw unknown('grant')
  if (!isOwn(context, caller, state) && !may(call, 'permissions:check')) throw unknown('grant')
  if (state.liveness.live) return { authority: state.authority }
  const { code, detail } = deadRefusal(grantId, state)
  const { missing_at, remedy } = detail
  return {
    dead: {
      allowed: false,
      code,
      ...(missing_at !== undefined && { missing_at }),
      ...(remedy !== undefined && { remedy }),
    },
  }
}

function decideOne(call: Call, permission: string, about: About): Decision {
  const scope = parseScope(permission)
  if (scope === undefined || !isPermission(scope)) {
    return invalid(permission, 'This is not a permission: type/segment:operation, no wildcards.')
  }
  const flaw = flawOf(call, scope)
  if (flaw !== undefined) return invalid(permission, `The ${flaw}.`)
  if ('dead' in about) return { permission, ...about.dead }
  return decide(scope, about.authority, call.context.live)
}

const invalid = (permission: string, text: string): Decision => ({
  permission,
  allowed: false,
  code: 'invalid_scope',
  remedy: { text, operation: 'list_resource_types' },
})
