// What goes too far in a mint or a delegation, in words: every dimension, and what would mend the first.

import type { Source } from '../core/delegation.ts'
import { refusalText, refuseAll } from '../core/refusal.ts'
import type { Refusal, RefusalCode } from '../core/refusal.ts'

/** All that goes too far, in words. */
export function excess(kind: Source['kind'], failures: Parameters<typeof refuseAll>[0]): Refusal {
  const scopes = failures.filter((f) => f.dimension === 'scopes' || f.dimension === 'ceiling')
  const missing = [...new Set(scopes.flatMap((failure) => failure.asked as string[]))]
  const permission = failures
    .filter((f) => f.dimension === 'permission')
    .map((f) => String(f.asked))
  return refuseAll(failures, {
    message: messageOf(failures[0].code, failures[0].dimension),
    ...(missing.length + permission.length > 0 && { missing: [...missing, ...permission] }),
    remedy: remedyOf(kind, failures[0].dimension),
  })
}

function messageOf(code: RefusalCode, dimension: string): string {
  if (code === 'insufficient_scope') return 'The grant does not allow delegation.'
  if (code === 'exceeds_parent')
    return `What was asked for in ${dimension} is wider than the grant it comes from.`
  if (code === 'exceeds_ceiling') return 'These scopes are above the ceiling of the agent.'
  if (code === 'rate_limited') return 'Too many live grants hang below this one or its root.'
  return refusalText(code)
}

function remedyOf(kind: Source['kind'], dimension: string) {
  if (dimension === 'scopes' && kind === 'parent') {
    return {
      text: 'Ask for scopes that your own grant covers, or pass on_excess: narrow.',
      operation: 'list_permissions',
      arguments: {},
    }
  }
  if (dimension === 'scopes') {
    return {
      text: 'Ask for less, or have what is too narrow widened: the ceiling, the credential or REMIT_SCOPES.',
      operation: 'update_agent',
    }
  }
  if (dimension === 'ceiling') {
    return {
      text: 'Ask for less, or have the ceiling of the agent raised by whoever may update it.',
      operation: 'update_agent',
    }
  }
  if (dimension === 'permission') {
    return { text: 'Ask whoever delegated to you to include tokens:delegate.' }
  }
  if (dimension === 'children') {
    return { text: 'Wait until some expire, and give those to come a shorter life.' }
  }
  return { text: `Stay within the ${dimension} of the grant it comes from, or leave it out.` }
}
