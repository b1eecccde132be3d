// What minting and delegating share: from arguments to a grant by the attenuation rule, and from a grant
// to its record, its first token and the answer.

import { bindingOf } from '../core/binding.ts'
import { audienceName, audienceOf, serverMeant } from '../authority/audience.ts'
import { issueToken } from '../authority/tokens.ts'
import type { Issued } from '../authority/tokens.ts'
import type { Agent } from '../core/agent.ts'
import { authorityOf } from '../core/authority.ts'
import type { Authority } from '../core/authority.ts'
import { attenuate } from '../core/delegation.ts'
import type { Attenuated, Source } from '../core/delegation.ts'
import type { Grant } from '../core/grant.ts'
import { keysOfChain } from '../core/liveness.ts'
import type { Chain } from '../core/liveness.ts'
import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'
import { formatScopes } from '../core/scope.ts'
import { insertGrant } from '../store/grants.ts'
import type { Write } from '../store/store.ts'
import { insertToken } from '../store/tokens.ts'
import { insertUses } from '../store/uses.ts'
import { keyToBind } from './bound-key.ts'
import { chooseDelivery, deliverToken } from './delivery.ts'
import { excess } from './excess.ts'
import type { Minted, MintInput } from './mint-fields.ts'
import type { Call, Outcome } from './operation.ts'
import { parseWanted } from './scopes.ts'

const defaultTtl = 300

/** Decides, and returns the grant with its first token as writes. */
export function mint(
  call: Call,
  input: MintInput,
  source: Source,
  receiver: Agent,
): Outcome<Minted> {
  const delivery = chooseDelivery(call, input.delivery, 'token')
  const { ttl, grantTtl } = livesOf(call, input)
  const { context, now } = call
  const { live, self } = context
  const wanted = {
    scopes: parseWanted(call, input.scopes),
    ...(input.audience !== undefined && { audience: audienceAsked(call, input.audience) }),
    grantTtl,
    ...(input.max_depth !== undefined && { maxDepth: input.max_depth }),
    ...(input.uses !== undefined && { uses: input.uses }),
    ...(input.task !== undefined && { task: input.task }),
    ...bindingFor(call, input, source),
    ...(input.require !== undefined && { require: [...new Set(input.require)] }),
    onExcess: input.on_excess ?? 'refuse',
  }
  const to = { agent: receiver, ceiling: live.ceilingOf(receiver) }
  const attenuated = attenuate(source, to, wanted, live, self.serverId, now)
  if (!attenuated.ok) throw excess(source.kind, attenuated.failures)
  const grant = grantOf(call, input, source, receiver, attenuated.grant)
  const chain = [...parentChain(source), grant] as unknown as Chain
  const authority = authorityOf(chain, live)
  const issued = issueToken(context, {
    authority,
    audience: audienceOfToken(call, grant),
    ttl,
    credentialId: (call.caller.exchange?.client ?? call.caller).credentialId,
    now,
    seq: call.seq,
  })
  const handed = deliverToken(call, { delivery, authority, issued, ttl, recipientId: receiver.id })
  return {
    result: mintedResult(call, authority, issued, attenuated.grant.dropped, source.usesLeft),
    writes: [...grantWrites(call, grant, chain), insertToken(issued.token), ...handed.writes],
    target: grant.id,
    detail: {
      scopes: formatScopes(grant.scopes),
      to: receiver.id,
      token_id: issued.token.id,
      delivery,
      ...(grant.task !== undefined && { task: grant.task }),
    },
    ...(!call.dryRun && { handOut: handed.handOut }),
  }
}

/** Seconds; stated lives above the configured limits are refused, never shortened. */
function livesOf({ context: { settings } }: Call, input: MintInput) {
  const { tokenMax, grantMax } = settings
  const ttl =
    input.ttl_seconds ?? Math.min(defaultTtl, tokenMax, input.grant_ttl_seconds ?? grantMax)
  const grantTtl = input.grant_ttl_seconds ?? ttl
  const flaw =
    ttl > tokenMax
      ? `ttl_seconds is above ${tokenMax}`
      : grantTtl > grantMax
        ? `grant_ttl_seconds is above ${grantMax}`
        : grantTtl < ttl
          ? 'grant_ttl_seconds is below ttl_seconds'
          : undefined
  if (flaw !== undefined) throw new Refusal('invalid_request', { message: `${flaw}.` })
  return { ttl, grantTtl }
}

/** Unknown audiences stay in the list under a name that no server has, and fail as such. */
function audienceAsked(call: Call, asked: readonly string[]): string[] {
  const { context, caller } = call
  return [
    ...new Set(asked.map((text) => serverMeant(context, caller.orgId, text)?.id ?? 'unknown')),
  ]
}

const parentChain = (source: Source): readonly Grant[] =>
  source.kind === 'parent' ? source.authority.chain : []

/** To the key asked for; what a certificate gets for its own agent is bound to that (RFC 8705 §3). */
function bindingFor({ caller }: Call, { bind_jwk }: MintInput, source: Source) {
  if (bind_jwk !== undefined) return { binding: keyToBind(bind_jwk) }
  const { client, actor } = caller.exchange ?? {}
  const { certificate } = client ?? caller
  const isOwn = source.kind === 'credential' || (client && client.presenter.id === actor?.id)
  if (isOwn !== true || certificate === undefined) return {}
  return { binding: bindingOf({ 'x5t#S256': certificate }) }
}

function grantOf(
  call: Call,
  input: MintInput,
  source: Source,
  receiver: Agent,
  attenuated: Attenuated,
): Grant {
  const { context, caller, now, seq } = call
  const lineage = parentChain(source).map((grant) => grant.id)
  const parentId = lineage.at(-1)
  const { dropped: _, uses, task, binding, ...dimensions } = attenuated
  return {
    id: context.newId('grt'),
    orgId: caller.orgId,
    agentId: receiver.id,
    instanceId: context.newId('ins'),
    ...(input.instance !== undefined && { instanceLabel: input.instance }),
    ...(parentId !== undefined && { parentId }),
    lineage,
    ...dimensions,
    ...(uses !== undefined && { uses }),
    ...(task !== undefined && { task }),
    ...(binding !== undefined && { binding }),
    credentialId: caller.credentialId,
    standing: false,
    createdSeq: seq,
    createdAt: now,
  }
}

/** The insert depends on nothing having restricted the chain, the receiver or the audience since. */
function grantWrites(call: Call, grant: Grant, chain: Chain): Write[] {
  const guard = [
    ...keysOfChain(chain),
    ...keysOfChain(call.caller.own.chain),
    ...grant.audience.map((id) => revocationKey('server', id)),
  ]
  return [
    insertGrant({ grant, guard: [...new Set(guard)] }),
    ...(grant.uses === undefined ? [] : [insertUses(grant.id, grant.uses)]),
  ]
}

/** A token carries one audience: this server if the grant has it, else the first. */
export function audienceOfToken({ context }: Call, grant: Grant): string {
  const audience = audienceOf(context, grant)
  return audience.includes(context.self.serverId)
    ? context.self.serverId
    : (audience[0] ?? context.self.serverId)
}

export function mintedResult(
  call: Call,
  { grant }: Authority,
  { token }: Issued,
  dropped: readonly string[],
  usesLeft: number | undefined,
): Minted {
  const left = leftOf(grant, usesLeft)
  return {
    grant_id: grant.id,
    token_id: token.id,
    agent_id: grant.agentId,
    ...(grant.instanceId !== undefined && { instance_id: grant.instanceId }),
    scopes: grant.scopes.map((scope) => scope.text),
    audience: audienceOf(call.context, grant).map((id) => audienceName(call.context, id)),
    expires_at: token.expiresAt,
    grant_expires_at: grant.expiresAt ?? 0,
    depth: grant.depth,
    max_depth: grant.maxDepth,
    ...(left !== undefined && { uses_left: left }),
    lineage: [...grant.lineage],
    dropped: [...dropped],
    ...(call.dryRun && { dry_run: true }),
  }
}

const leftOf = ({ uses }: Grant, above: number | undefined): number | undefined =>
  uses === undefined ? above : Math.min(uses, above ?? uses)
