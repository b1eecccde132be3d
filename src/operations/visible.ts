// Which operations an authority may call at all: what `tools/list` shows and `whoami` names. A guide, not
// a guard; every call is decided on its own.

import type { Caller } from '../authority/caller.ts'
import type { Context, Settings } from '../authority/context.ts'
import { effectiveScopes } from '../core/authority.ts'
import type { Operation } from './operation.ts'

/** What the environment's own credential may still call where acting down is required. */
export const bareMay: ReadonlySet<string> = new Set(['whoami', 'delegate_token', 'delegation_tree'])

export const mustActDown = ({ actAs }: Settings, caller: Caller): boolean =>
  actAs === 'required' && caller.isEnvironments === true && !caller.actsAs

/** In the fixed order of the table. */
export function visibleTo(
  { settings }: Pick<Context, 'settings'>,
  caller: Caller,
  operations: readonly Operation[],
): readonly Operation[] {
  const effective = effectiveScopes(caller.acting)
  const holds = (permission: string): boolean => {
    const [type, operation] = permission.split(':')
    return effective.some(
      (scope) => scope.type === type && (scope.operation === '*' || scope.operation === operation),
    )
  }
  const isByCredential = caller.credential !== undefined && !caller.actsAs
  return operations.filter((operation) => {
    if (mustActDown(settings, caller) && !bareMay.has(operation.name)) return false
    if (caller.actsAs && operation.refusesActAs !== undefined) return false
    return operation.permission.split(' / ').some((way) => {
      if (way !== '·') return holds(way)
      return isByCredential || operation.ownNeedsCredential !== true
    })
  })
}
