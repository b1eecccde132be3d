// delegation_tree: who holds what from whom, as data and as a drawing.

import * as z from 'zod'
import { grantState } from '../authority/grant-state.ts'
import type { GrantState } from '../authority/grant-state.ts'
import { effectiveScopes } from '../core/authority.ts'
import * as field from './fields.ts'
import { mayRead } from './list-tokens.ts'
import { unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { walk } from './own-grants.ts'
import type { Extent } from './own-grants.ts'

const defaultLimit = 200

const node = z.object({
  grant_id: z.string(),
  parent_id: z.string().optional(),
  agent: z.string(),
  instance: z.string().optional(),
  scopes: field.strings,
  expires_at: field.time.optional(),
  depth: z.int(),
  status: z.enum(['live', 'dead']),
  dead_because: z.string().optional(),
})

type Node = z.output<typeof node>

export const delegationTree = defineOperation({
  name: 'delegation_tree',
  title: 'Delegation tree',
  summary: 'What hangs below your grants: who holds which scopes from whom, and what is dead.',
  permission: '· / tokens:read',
  effect: 'read',
  spendsUse: false,
  input: z.object({
    root: field.id('grt').optional().describe('Only from this grant down; default: all your own.'),
    include_dead: z.boolean().optional(),
    limit: field.limit.optional(),
  }),
  output: z.object({ nodes: z.array(node), text: z.string() }),
  handle: async ({ root, include_dead, limit = defaultLimit }, call) => {
    const extent = await extentOf(call, root)
    const nodes: Node[] = []
    const deaths = new Map<string, string>()
    for await (const state of walk(call, extent)) {
      if (!state.liveness.live && include_dead !== true) continue
      nodes.push(nodeOf(call, state))
      deaths.set(state.grant.id, deathOf(state))
      if (nodes.length === limit) break
    }
    return { result: { nodes, text: draw(nodes, deaths) } }
  },
})

async function extentOf(call: Call, root: string | undefined): Promise<Extent> {
  if (root === undefined) return { kind: 'own' }
  const state = await grantState(call.context.live, root, call.now)
  if (state === undefined || !mayRead(call, state)) throw unknown('grant')
  return { kind: 'subtree', grant: state.grant }
}

function nodeOf({ context }: Call, { grant, liveness, authority }: GrantState): Node {
  const scopes = grant.standing ? effectiveScopes(authority) : grant.scopes
  return {
    grant_id: grant.id,
    ...(grant.parentId !== undefined && { parent_id: grant.parentId }),
    agent: context.live.agent(grant.agentId)?.name ?? grant.agentId,
    ...(grant.instanceLabel !== undefined && { instance: grant.instanceLabel }),
    scopes: scopes.map((scope) => scope.text),
    ...(grant.expiresAt !== undefined && { expires_at: grant.expiresAt }),
    depth: grant.depth,
    status: liveness.live ? 'live' : 'dead',
    ...(!liveness.live && { dead_because: liveness.code }),
  }
}

/** In words, whether it is the grant's own end or came from above. */
function deathOf({ grant, liveness }: GrantState): string {
  if (liveness.live) return ''
  const isOwn = liveness.at === grant.id || liveness.at === grant.agentId
  return isOwn ? deathWords[liveness.reason] : `${deathWords[liveness.reason]} above`
}

const deathWords = {
  expired: 'expired',
  revoked: 'revoked',
  credential: 'credential revoked',
  agent: 'agent not active',
} as const

/**
 * One line a grant, children below their parents; made of names, ids, scopes and fixed words. `deaths`
 * says in words why one is dead, by grant id.
 */
function draw(nodes: readonly Node[], deaths: ReadonlyMap<string, string>): string {
  const ids = new Set(nodes.map((each) => each.grant_id))
  const children = new Map<string, Node[]>()
  for (const each of nodes) {
    const parent = each.parent_id ?? ''
    children.set(parent, [...(children.get(parent) ?? []), each])
  }
  const lines: string[] = []
  const below = (parent: string, indent: string): void => {
    const kin = children.get(parent) ?? []
    for (const [i, each] of kin.entries()) {
      const isLast = i === kin.length - 1
      lines.push(`${indent}${isLast ? '└─ ' : '├─ '}${line(each, deaths)}`)
      below(each.grant_id, `${indent}${isLast ? '   ' : '│  '}`)
    }
  }
  for (const top of nodes.filter((each) => !ids.has(each.parent_id ?? ''))) {
    lines.push(line(top, deaths))
    below(top.grant_id, '')
  }
  return lines.join('\n')
}

const shownScopes = 6

function line(
  { agent, instance, scopes, grant_id, status }: Node,
  deaths: ReadonlyMap<string, string>,
): string {
  const more = scopes.length - shownScopes
  const shown = [...scopes.slice(0, shownScopes), ...(more > 0 ? [`and ${more} more`] : [])]
  const who = instance === undefined ? agent : `${agent} (${instance})`
  const end = status === 'live' ? 'live' : `dead: ${deaths.get(grant_id)}`
  return `${who}  ${shown.join(' ')}  [${end}]  ${grant_id}`
}
