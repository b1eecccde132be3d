// Chains of delegation with arguments of every kind, held against an oracle that knows the rule in words
// and scopes by their written-out meaning (laws 1 to 3). Each answer is foretold in full, so that every
// refusal is justified and every acceptance too; then each child is compared with all of its ancestors.

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { authorityOf, exceeded } from '../../src/core/authority.ts'
import { attenuate } from '../../src/core/delegation.ts'
import type { Attenuated, Source } from '../../src/core/delegation.ts'
import type { Grant, Protection } from '../../src/core/grant.ts'
import type { Chain } from '../../src/core/liveness.ts'
import type { State } from '../../src/core/state.ts'
import { rounds } from '../support/rounds.ts'
import { agent, credential, grant, scope, server, stateOf } from '../support/state.ts'
import { everything, isSubset, meaningIn } from './meaning.ts'
import type { SmallWorld } from './meaning.ts'

const names = ['a', 'b', 'c'] as const
const world: SmallWorld = {
  letters: names,
  longestPath: 3,
  types: {
    x: ['read', 'write', 'late', 'other'],
    y: ['read', 'other'],
    tokens: ['delegate', 'other'],
  },
}
const meaning = meaningIn(world)
const permissions = everything(world).map((text) => scope(text))
const activeServers = ['srv_1', 'srv_2', 'srv_3']

/** All that happens in one case, by chance. */
interface Story {
  /** Of the agents a, b and c. */
  readonly ceilings: readonly (readonly string[])[]
  /** Of the credential of agent a. */
  readonly credentialScopes: readonly string[] | undefined
  readonly limit: readonly string[] | undefined
  /** The change at which the operation `late` of type `x` is registered. */
  readonly late: number
  /** What is asked for as max_depth where a step says nothing else. */
  readonly maxDepth: number | undefined
  readonly steps: readonly Step[]
}

/** One call of delegate_token; the first is one of mint_token. */
interface Step {
  readonly to: number
  readonly isForeign: boolean
  /** Whether what the parent has of `tokens` is asked for too. */
  readonly mayDelegate: boolean
  readonly picks: readonly (string | Narrowing)[]
  readonly audience: readonly string[] | undefined
  readonly grantTtl: number
  readonly maxDepth: number | undefined
  readonly uses: number | undefined
  readonly task: string | undefined
  readonly require: readonly Protection[] | undefined
  readonly binding: string | undefined
  readonly onExcess: 'refuse' | 'narrow'
  /** How often the parent is used before. */
  readonly spend: number
}

/** A scope of the parent, with its wildcards perhaps replaced. */
interface Narrowing {
  readonly of: number
  readonly word: string
  readonly operation: string
}

type Asked = Pick<
  Step,
  | 'audience'
  | 'grantTtl'
  | 'maxDepth'
  | 'uses'
  | 'task'
  | 'require'
  | 'binding'
  | 'onExcess'
  | 'isForeign'
> & { readonly scopes: readonly string[]; readonly to: string }

const often = <T>(value: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight, arbitrary: value }, { weight: 10 - weight, arbitrary: fc.constant(undefined) })
const oneIn = (n: number) => fc.integer({ min: 1, max: n }).map((i) => i === n)
const anyScope = fc
  .tuple(
    fc.constantFrom('', '/**', '/*', '/a', '/b/**', '/*/a', '/a/*', '/a/b/c', '/*/*/**', '/c/a/b'),
    fc.constantFrom('x:read', 'x:write', 'x:late', 'x:*', 'y:read', 'y:*'),
  )
  .map(([path, type]) => type.replace(':', `${path}:`))
const someScopes = fc.array(anyScope, { minLength: 1, maxLength: 4 })
const delegate = fc.constantFrom('tokens:*', 'tokens:delegate', 'tokens/*:delegate', 'tokens/b:*')
const ceiling = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(['x:*', 'y:read']) },
      { weight: 1, arbitrary: someScopes },
    ),
    fc.oneof({ weight: 4, arbitrary: fc.constant('tokens:*') }, { weight: 1, arbitrary: delegate }),
  )
  .map(([scopes, tokens]) => [...scopes, tokens])

const step: fc.Arbitrary<Step> = fc.record({
  to: fc.nat(2),
  isForeign: oneIn(40),
  mayDelegate: oneIn(8).map((isLast) => !isLast),
  picks: fc.array(
    fc.oneof(
      { weight: 1, arbitrary: anyScope },
      { weight: 1, arbitrary: delegate },
      {
        weight: 9,
        arbitrary: fc.record({
          of: fc.nat(4),
          word: fc.constantFrom('', '', '', 'a', 'b', '*', '*/a'),
          operation: fc.constantFrom('', '', '', 'read', 'write', 'late'),
        }),
      },
    ),
    { maxLength: 4 },
  ),
  audience: often(
    fc.array(fc.constantFrom(...activeServers, 'srv_1', 'srv_2', 'srv_off', 'srv_x'), {
      maxLength: 3,
    }),
    2,
  ),
  grantTtl: fc.integer({ min: 1, max: 2000 }),
  maxDepth: often(fc.integer({ min: 0, max: 16 }), 1),
  uses: often(fc.integer({ min: 1, max: 12 }), 1),
  task: often(fc.constantFrom('t', 't', 't/u', 't/u/v', 'tu'), 1),
  require: often(fc.subarray<Protection>(['pop', 'approval']), 1),
  binding: often(fc.constantFrom('k1', 'k2'), 3),
  onExcess: fc.constantFrom('refuse', 'narrow', 'narrow', 'narrow'),
  spend: fc.constantFrom(0, 0, 0, 0, 1, 2),
})

const story: fc.Arbitrary<Story> = fc.record({
  ceilings: fc.tuple(ceiling, ceiling, ceiling),
  credentialScopes: often(ceiling, 2),
  limit: often(ceiling, 2),
  late: fc.nat(8),
  maxDepth: often(fc.constantFrom(5, 6, 7), 5),
  steps: fc.array(step, { minLength: 1, maxLength: 16 }),
})

const stateOfStory = (told: Story): State =>
  stateOf({
    agents: names.map((name, i) =>
      agent({ id: `agt_${name}`, name, ceiling: (told.ceilings[i] ?? []).map(scope) }),
    ),
    credentials: [
      credential({
        agentId: 'agt_a',
        ...(told.credentialScopes && { scopes: told.credentialScopes.map(scope) }),
      }),
    ],
    servers: [
      server(),
      server({ id: 'srv_2', name: 'two' }),
      server({ id: 'srv_3', name: 'three' }),
      server({ id: 'srv_off', name: 'off', status: 'revoked' }),
    ],
    types: { x: { read: 0, write: 0, late: told.late }, y: { read: 0 }, tokens: { delegate: 0 } },
  })

/** A set of scopes that limits a grant; `since`: `*` knows the operations of this change. */
interface Limit {
  readonly scopes: readonly string[]
  readonly since?: number
}

/** A grant as the oracle knows it: by what was foretold, never by what was answered. */
interface Link extends Answer {
  readonly limits: readonly Limit[]
  left: number | undefined
}

interface Answer {
  readonly scopes: readonly string[]
  readonly dropped: readonly string[]
  readonly audience: readonly string[]
  readonly depth: number
  readonly maxDepth: number
  readonly uses: number | undefined
  readonly task: string | undefined
  readonly require: readonly string[]
  readonly binding: string | undefined
  readonly expiresAt: number
}

/** Whether one member of each limit means all that the scope means. */
function isWithin(limits: readonly Limit[], wanted: string, late: number): boolean {
  const knownAt = (since: number) => (operation: string) =>
    operation !== 'other' && (operation !== 'late' || late <= since)
  return limits.every(({ scopes, since }) =>
    scopes.some((member) =>
      since === undefined || wanted.endsWith(':*')
        ? isSubset(meaning(wanted), meaning(member))
        : isSubset(meaning(wanted), meaning(member, knownAt(since))),
    ),
  )
}

const leastLeft = (chain: readonly Link[]): number | undefined => {
  const lefts = chain.flatMap(({ left }) => left ?? [])
  return lefts.length === 0 ? undefined : Math.min(...lefts)
}

/** What the rule says in words, dimension by dimension: the new grant, or all that is wrong in order. */
function foretell(
  told: Story,
  chain: readonly Link[],
  limits: readonly Limit[],
  asked: Asked,
  now: number,
): Answer | readonly string[] {
  const parent = chain.at(-1)
  const wrong: string[] = []
  const above = asked.scopes.filter((text) => !isWithin(limits, text, told.late))
  const receivers = [{ scopes: told.ceilings[names.indexOf(asked.to as 'a')] ?? [] }]
  const high = asked.scopes.filter((text) => !isWithin(receivers, text, told.late))
  const dropped = asked.scopes.filter((text) => above.includes(text) || high.includes(text))
  const scopes = asked.scopes.filter((text) => !dropped.includes(text))
  if (scopes.length === 0 || (dropped.length > 0 && asked.onExcess === 'refuse')) {
    const whose = parent === undefined ? 'exceeds_ceiling' : 'exceeds_parent'
    if (asked.scopes.length === 0) wrong.push('invalid_scope scopes ')
    if (above.length > 0) wrong.push(`${whose} scopes ${above.join(' ')}`)
    const isTold = parent === undefined && above.length > 0
    if (high.length > 0 && !isTold) wrong.push(`exceeds_ceiling ceiling ${high.join(' ')}`)
  }
  if (asked.isForeign) wrong.push('exceeds_parent organisation')
  const taskAbove = parent?.task
  const isOtherTask = asked.task !== taskAbove && !asked.task?.startsWith(`${taskAbove}/`)
  if (asked.task && taskAbove && isOtherTask) wrong.push('task_mismatch task')
  const audienceAbove = parent === undefined ? activeServers : parent.audience
  const known = asked.audience?.filter((id) => activeServers.includes(id)) ?? []
  if (asked.audience && (known.length === 0 || known.length < asked.audience.length)) {
    wrong.push('invalid_target audience')
  }
  if (known.some((id) => !audienceAbove.includes(id))) wrong.push('exceeds_parent audience')
  const depth = chain.length
  const lowest = parent?.maxDepth ?? 16
  if (depth > lowest) wrong.push('depth_exhausted depth')
  if (asked.maxDepth !== undefined && asked.maxDepth > lowest)
    wrong.push('exceeds_parent max_depth')
  if (asked.maxDepth !== undefined && asked.maxDepth < depth)
    wrong.push('depth_exhausted max_depth')
  const left = leastLeft(chain)
  if (left === 0) wrong.push('uses_exhausted uses')
  else if (left !== undefined && (asked.uses ?? left) > left) wrong.push('exceeds_parent uses')
  if (parent?.binding && !asked.binding) wrong.push('binding_downgrade binding')
  const protections = asked.require ?? parent?.require ?? []
  if (parent?.require.some((each) => !protections.some((mine) => mine === each))) {
    wrong.push('exceeds_parent require')
  }
  if (parent !== undefined && !isWithin(limits, `tokens/${asked.to}:delegate`, told.late)) {
    wrong.push('insufficient_scope permission')
  }
  if (wrong.length > 0) return wrong
  return {
    scopes,
    dropped,
    audience: asked.audience ?? (audienceAbove.includes('srv_1') ? ['srv_1'] : audienceAbove),
    depth,
    maxDepth: asked.maxDepth ?? Math.max(depth, Math.min(5, lowest)),
    uses: asked.uses ?? left,
    task: asked.task ?? taskAbove,
    require: protections,
    binding: asked.binding,
    expiresAt: Math.min(now + asked.grantTtl, parent?.expiresAt ?? Infinity),
  }
}

/** In which dimensions a grant has more than one it comes from; empty is the law. */
const widened = (child: Grant, ancestor: Grant, left: number | undefined): string[] =>
  Object.entries({
    organisation: child.orgId === ancestor.orgId,
    end: (child.expiresAt ?? Infinity) <= (ancestor.expiresAt ?? Infinity),
    audience:
      child.audience.length > 0 && child.audience.every((s) => ancestor.audience.includes(s)),
    depth: child.depth > ancestor.depth && child.depth <= ancestor.maxDepth,
    max_depth: child.maxDepth <= ancestor.maxDepth && child.maxDepth >= child.depth,
    uses: left === undefined || (child.uses ?? Infinity) <= left,
    task: ancestor.task === undefined || `${child.task}/`.startsWith(`${ancestor.task}/`),
    require: ancestor.require.every((each) => child.require.includes(each)),
    binding: ancestor.binding === undefined || child.binding !== undefined,
  }).flatMap(([dimension, holds]) => (holds ? [] : [dimension]))

const told = { granted: 0, refused: 0, deepest: 0 }

/** Plays a story through the rules and the oracle at once. */
function play(story: Story): void {
  const state = stateOfStory(story)
  const standing = grant({
    id: 'grt_0',
    agentId: 'agt_a',
    standing: true,
    audience: [],
    maxDepth: 16,
    ...(story.limit && { scopeLimit: story.limit.map(scope) }),
  })
  const ofA = { scopes: story.ceilings[0] ?? [] }
  const atCredential = [story.credentialScopes, story.limit]
    .flatMap((scopes) => (scopes === undefined ? [] : [{ scopes }]))
    .concat(ofA)
  const grants: Grant[] = []
  const links: Link[] = []
  let allowedAbove = new Set(permissions.map(({ text }) => text))

  for (const [i, step] of story.steps.entries()) {
    const now = 100 + i * 10
    const parent = grants.at(-1)
    if (grants.length === 7 || (parent?.expiresAt ?? Infinity) <= now) return
    const spent = Math.min(step.spend, leastLeft(links) ?? Infinity)
    for (const link of links) if (link.left !== undefined) link.left -= spent
    const limits = links.length === 0 ? atCredential : links.flatMap((link) => link.limits)
    const asked = askedIn(story, step, i, links.at(-1)?.scopes ?? ofA.scopes, parent === undefined)
    const foretold = foretell(story, links, limits, asked, now)
    const left = leastLeft(links)
    const source: Source = {
      kind: parent === undefined ? 'credential' : 'parent',
      authority: authorityOf(parent === undefined ? [standing] : chainOf(grants), state),
      audience: parent === undefined ? activeServers : parent.audience,
      ...(left !== undefined && { usesLeft: left }),
    }
    const answered = ask(source, asked, state, now)
    expect(answered.ok ? textsIn(answered.grant) : answered.wrong).toEqual(foretold)
    if (!answered.ok || !('scopes' in foretold)) {
      told.refused += 1
      continue
    }

    const { dropped: _, uses, task, binding, ...dimensions } = answered.grant
    const child = grant({
      id: `grt_${i + 1}`,
      agentId: `agt_${asked.to}`,
      lineage: grants.map(({ id }) => id),
      ...dimensions,
      ...(uses !== undefined && { uses }),
      ...(task !== undefined && { task }),
      ...(binding !== undefined && { binding }),
      createdSeq: i,
      createdAt: now,
    })
    const wide = grants.flatMap((ancestor, n) => widened(child, ancestor, links[n]?.left))
    expect(wide).toEqual([])
    grants.push(child)
    const own = { scopes: foretold.scopes, since: i }
    const holders = { scopes: story.ceilings[names.indexOf(asked.to)] ?? [] }
    links.push({ ...foretold, limits: [own, holders], left: foretold.uses })

    const { bounds } = authorityOf(chainOf(grants), state)
    const allowed = permissions.filter((one) => !exceeded(bounds, one, 'org_1', state))
    const every = links.flatMap((link) => link.limits)
    expect(allowed.map(({ text }) => text)).toEqual(
      permissions.map(({ text }) => text).filter((text) => isWithin(every, text, story.late)),
    )
    expect(allowed.filter(({ text }) => !allowedAbove.has(text))).toEqual([])
    allowedAbove = new Set(allowed.map(({ text }) => text))
    told.granted += 1
    told.deepest = Math.max(told.deepest, child.depth)
  }
}

function ask(source: Source, asked: Asked, state: State, now: number) {
  const { audience, grantTtl, maxDepth, uses, task, require, binding, onExcess } = asked
  const found = state.agent(`agt_${asked.to}`) ?? agent()
  const receiver = { ...found, ...(asked.isForeign && { orgId: 'org_2' }) }
  const wanted = {
    scopes: asked.scopes.map(scope),
    grantTtl,
    onExcess,
    ...(audience !== undefined && { audience }),
    ...(maxDepth !== undefined && { maxDepth }),
    ...(uses !== undefined && { uses }),
    ...(task !== undefined && { task }),
    ...(require !== undefined && { require }),
    ...(binding !== undefined && { binding }),
  }
  const to = { agent: receiver, ceiling: receiver.ceiling }
  const answer = attenuate(source, to, wanted, state, 'srv_1', now)
  if (answer.ok) return answer
  const wrong = answer.failures.map(({ code, dimension, asked: what }) =>
    dimension === 'scopes' || dimension === 'ceiling'
      ? `${code} ${dimension} ${(what as string[]).join(' ')}`
      : `${code} ${dimension}`,
  )
  return { ok: false as const, wrong }
}

/** The arguments of a step: at its change only what is registered can be asked for. */
function askedIn(
  story: Story,
  { to, picks, mayDelegate, spend: _, isForeign, ...rest }: Step,
  seq: number,
  above: readonly string[],
  isRoot: boolean,
) {
  const tokens = mayDelegate ? above.filter((text) => text.startsWith('tokens')) : []
  const scopes = picks
    .map((pick) => (typeof pick === 'string' ? pick : narrower(above, pick)))
    .concat(tokens)
    .map((text) => (seq < story.late ? text.replace(':late', ':read') : text))
    .map((text) => text.replace(/^(y.*):(?:write|late)$/, '$1:read'))
    .map((text) => text.replace(/^(tokens.*):(?:read|write|late)$/, '$1:delegate'))
  const receiver = isRoot ? 'a' : (names[to] ?? 'a')
  return {
    ...rest,
    maxDepth: rest.maxDepth ?? story.maxDepth,
    scopes: [...new Set(scopes)],
    to: receiver,
    isForeign: isForeign && !isRoot,
  }
}

/** A scope of the parent with its last wildcard put in words and its operation named, if so picked. */
function narrower(above: readonly string[], { of, word, operation }: Narrowing): string {
  const text = above[of % above.length] ?? 'x:read'
  const [resource = '', old = ''] = text.split(':')
  const path = word === '' ? resource : resource.replace(/(?:\/\*{1,2})?$/, `/${word}`)
  const isShort = path.split('/').length <= 4
  return `${isShort ? path : resource}:${old === '*' && operation !== '' ? operation : old}`
}

const chainOf = (grants: readonly Grant[]): Chain => grants as unknown as Chain

const textsIn = (given: Attenuated) => ({ ...given, scopes: given.scopes.map(({ text }) => text) })

const stories = rounds({ short: 2_000, long: 20_000 })

test('delegation answers as the rule says, and no child is ever wider than what it comes from', () => {
  fc.assert(fc.property(story, play), { numRuns: stories })
  expect(told.granted + told.refused).toBeGreaterThan(10_000)
  expect(told).toEqual({
    granted: expect.toSatisfy((n) => n > 3000),
    refused: expect.toSatisfy((n) => n > 3000),
    deepest: expect.toSatisfy((n) => n >= 5),
  })
})
