// Histories of everything that can happen to a tree of grants, held against an oracle that walks them from
// the beginning at every question (laws 3 and 4). What it knows of a grant is when it was made, and what
// happened since; rows, keys and change numbers are the matter of the rules alone.

import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { Agent } from '../../src/core/agent.ts'
import { authorityOf, exceeded } from '../../src/core/authority.ts'
import type { Credential } from '../../src/core/credential.ts'
import { attenuate } from '../../src/core/delegation.ts'
import { liveness } from '../../src/core/liveness.ts'
import type { Chain } from '../../src/core/liveness.ts'
import type { Revocation } from '../../src/core/revocation.ts'
import type { State } from '../../src/core/state.ts'
import { rounds } from '../support/rounds.ts'
import { agent, credential, grant, revocation, scope, server, stateOf } from '../support/state.ts'
import { everything, inAny, isSubset, meaningIn } from './meaning.ts'
import type { SmallWorld } from './meaning.ts'

const world: SmallWorld = {
  letters: ['a', 'b'],
  longestPath: 2,
  types: { x: ['read', 'write', 'late'] },
}
const meaning = meaningIn(world)
const permissions = everything(world).map((text) => scope(text))
const meaningOf = (texts: readonly string[]) => inAny(texts.map((text) => meaning(text)))

interface Told {
  /** Of three agents, each with a credential. */
  readonly ceilings: readonly (readonly string[])[]
  readonly credentialScopes: readonly (readonly string[] | undefined)[]
  readonly start: readonly Happening[]
  readonly rest: readonly Happening[]
}

type Happening =
  | { readonly kind: 'root'; readonly agent: number; readonly scopes?: readonly string[] }
  | {
      readonly kind: 'delegate'
      readonly parent: number
      readonly to: number
      readonly credential: number
      readonly scopes: readonly string[]
      readonly ttl: number
      readonly task?: string
    }
  | {
      readonly kind: 'revoke'
      readonly what: 'grant' | 'instance' | 'agent' | 'credential' | 'task'
      readonly target: number
      readonly within?: { readonly grant?: number; readonly credential?: number }
      /** Seconds ago. */
      readonly mintedBefore?: number
    }
  | { readonly kind: 'status'; readonly agent: number; readonly status: Agent['status'] }
  | { readonly kind: 'ceiling'; readonly agent: number; readonly scopes: readonly string[] }
  | { readonly kind: 'credential'; readonly credential: number; readonly to: 'revoked' | 'rotated' }
  | { readonly kind: 'register' }
  | { readonly kind: 'wait'; readonly seconds: number }

const anyScope = fc
  .tuple(
    fc.constantFrom('', '/**', '/*', '/a', '/b', '/a/**', '/*/b'),
    fc.constantFrom('read', 'write', '*', '*'),
  )
  .map(([path, operation]) => `x${path}:${operation}`)
const someScopes = fc.array(anyScope, { minLength: 1, maxLength: 3 })
const ceiling = fc.oneof(fc.constant(['x:*']), someScopes)
const tasks = ['t', 't/u', 'w'] as const
const which = fc.nat(20)
const few = fc.nat(2)

const delegation = fc.record(
  {
    kind: fc.constant('delegate' as const),
    parent: which,
    to: few,
    credential: few,
    scopes: ceiling,
    ttl: fc.integer({ min: 1, max: 60 }),
    task: fc.constantFrom(...tasks),
  },
  { requiredKeys: ['kind', 'parent', 'to', 'credential', 'scopes', 'ttl'] },
)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record(
      { kind: fc.constant('root' as const), agent: few, scopes: someScopes },
      { requiredKeys: ['kind', 'agent'] },
    ),
  },
  { weight: 5, arbitrary: delegation },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        kind: fc.constant('revoke' as const),
        what: fc.constantFrom('grant', 'instance', 'agent', 'credential', 'task'),
        target: which,
        within: fc.oneof(
          which.map((n) => ({ grant: n })),
          few.map((n) => ({ credential: n })),
        ),
        mintedBefore: fc.nat(12),
      },
      { requiredKeys: ['kind', 'what', 'target'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('status' as const),
      agent: few,
      status: fc.constantFrom('active', 'active', 'suspended', 'retired'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('ceiling' as const), agent: few, scopes: ceiling }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('credential' as const),
      credential: few,
      to: fc.constantFrom('revoked', 'rotated', 'rotated'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'register' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(20) }),
  },
)
const histories: fc.Arbitrary<Told> = fc.record({
  ceilings: fc.tuple(ceiling, ceiling, ceiling),
  credentialScopes: fc.tuple(
    fc.constant(undefined),
    fc.option(someScopes, { nil: undefined }),
    fc.constant(undefined),
  ),
  start: fc.array(delegation, { minLength: 2, maxLength: 6 }),
  rest: fc.array(happening, { minLength: 4, maxLength: 16 }),
})

/** A grant as the oracle knows it. */
interface Known {
  readonly parent?: Known
  readonly agent: number
  readonly credential: number
  readonly instance: number
  readonly task?: string
  readonly scopes?: readonly string[]
  /** Only of a root. */
  readonly limit?: readonly string[]
  readonly madeAt: number
  readonly end: number
  /** How much had happened when it was made. */
  readonly after: number
}

/** What ended or narrowed something, in the oracle's words. */
type Event =
  | { readonly ends: (known: Known) => boolean; readonly isForGood: boolean }
  | { readonly cutOf: number; readonly left: readonly string[] }
  | { readonly registers: 'late' }

/** All that the oracle has: what happened, in order, and how things stand. */
interface Past {
  readonly events: Event[]
  readonly ceilings: (readonly string[])[]
  readonly statuses: Agent['status'][]
  readonly credentialScopes: readonly (readonly string[] | undefined)[]
  now: number
}

/** It and all it comes from have not ended, and nothing that happened since ended any of them. */
function isLive(known: Known, past: Past): boolean {
  if (known.parent !== undefined && !isLive(known.parent, past)) return false
  if (known.end <= past.now || past.statuses[known.agent] !== 'active') return false
  return !past.events.some(
    (event, i) => 'ends' in event && (event.isForGood || i >= known.after) && event.ends(known),
  )
}

/** Everything that ever limited it or what it comes from means the permission. */
function allows(known: Known, permission: string, past: Past): boolean {
  if (known.parent !== undefined && !allows(known.parent, permission, past)) return false
  const { events, ceilings, credentialScopes } = past
  const lateAt = events.findIndex((event) => 'registers' in event)
  const knew = (operation: string) =>
    operation !== 'late' || (lateAt !== -1 && lateAt < known.after)
  const isIn = (scopes: readonly string[], knows?: (operation: string) => boolean) =>
    scopes.some((each) => isSubset(meaning(permission), meaning(each, knows)))
  const cuts = events
    .slice(known.after)
    .flatMap((event) => ('cutOf' in event && event.cutOf === known.agent ? [event.left] : []))
  const atUse = [known.limit, credentialScopes[known.credential]]
  const own = known.scopes === undefined ? atUse.flatMap((each) => (each ? [each] : [])) : []
  return (
    (known.scopes === undefined || isIn(known.scopes, knew)) &&
    [...own, ...cuts, ceilings[known.agent] ?? []].every((scopes) => isIn(scopes))
  )
}

const descendsFrom = (known: Known, ancestor: Known | undefined): boolean =>
  known === ancestor || (known.parent !== undefined && descendsFrom(known.parent, ancestor))

const rootOf = (known: Known): Known => (known.parent === undefined ? known : rootOf(known.parent))

/** Both sides of one history: the records that the rules read, and the past that the oracle knows. */
interface Both {
  readonly past: Past
  readonly agents: Agent[]
  readonly credentials: Credential[]
  readonly revocations: Revocation[]
  readonly grants: { readonly chain: Chain; readonly known: Known }[]
  late: number | undefined
  /** Of the newest change; a grant is none. */
  seq: number
}

const stateOfBoth = ({ agents, credentials, revocations, late }: Both): State =>
  stateOf({
    agents,
    credentials,
    revocations,
    servers: [server()],
    types: {
      x: { read: 0, write: 0, ...(late !== undefined && { late }) },
      tokens: { delegate: 0 },
    },
  })

const permission = 'tokens:delegate'
const withPermission = (texts: readonly string[]) =>
  [...texts, permission].map((each) => scope(each))

function begin({ ceilings, credentialScopes }: Told): Both {
  return {
    past: {
      events: [],
      ceilings: [...ceilings],
      statuses: ['active', 'active', 'active'],
      credentialScopes,
      now: 1000,
    },
    agents: ceilings.map((texts, i) =>
      agent({ id: `agt_${i}`, name: `n${i}`, ceiling: withPermission(texts) }),
    ),
    credentials: credentialScopes.map((texts, i) =>
      credential({
        id: `crd_${i}`,
        agentId: `agt_${i}`,
        ...(texts && { scopes: withPermission(texts) }),
      }),
    ),
    revocations: [],
    grants: [],
    late: undefined,
    seq: 0,
  }
}

function happen(both: Both, what: Happening): void {
  if (!['root', 'delegate', 'wait'].includes(what.kind)) both.seq += 1
  switch (what.kind) {
    case 'root':
      return start(both, what)
    case 'delegate':
      return delegate(both, what)
    case 'revoke':
      return revoke(both, what)
    case 'status':
      return setStatus(both, what)
    case 'ceiling':
      return setCeiling(both, what)
    case 'credential':
      return endCredential(both, what)
    case 'register':
      if (both.late !== undefined) return
      both.late = both.seq
      both.past.events.push({ registers: 'late' })
      return
    case 'wait':
      both.past.now += what.seconds
  }
}

type Of<Kind extends Happening['kind']> = Extract<Happening, { kind: Kind }>

/** A standing root of an agent, as its first call by credential makes it. */
function start(both: Both, { agent: n, scopes: limit }: Of<'root'>): void {
  const { past, grants, seq } = both
  if (past.statuses[n] !== 'active' || both.credentials[n]?.recordedStatus !== 'active') return
  const root = grant({
    id: `grt_${grants.length}`,
    agentId: `agt_${n}`,
    instanceId: `ins_${grants.length}`,
    credentialId: `crd_${n}`,
    standing: true,
    maxDepth: 16,
    ...(limit && { scopeLimit: withPermission(limit) }),
    createdSeq: seq,
    createdAt: past.now,
  })
  const { expiresAt: _, ...endless } = root
  const known: Known = {
    agent: n,
    credential: n,
    instance: grants.length,
    ...(limit && { limit }),
    madeAt: past.now,
    end: Infinity,
    after: past.events.length,
  }
  grants.push({ chain: [endless], known })
}

/** A child, if the rules allow one; scopes that go too far are dropped. */
function delegate(both: Both, what: Of<'delegate'>): void {
  const { past, grants, seq } = both
  const parent = grants[what.parent % Math.max(1, grants.length)]
  const receiver = both.agents[what.to]
  if (parent === undefined || receiver?.status !== 'active') return
  if (both.credentials[what.credential]?.recordedStatus !== 'active') return
  const state = stateOfBoth(both)
  if (!liveness(parent.chain, state, past.now).live) return
  const answer = attenuate(
    { kind: 'parent', authority: authorityOf(parent.chain, state), audience: ['srv_1'] },
    { agent: receiver, ceiling: receiver.ceiling },
    {
      scopes: withPermission(what.scopes),
      grantTtl: what.ttl,
      maxDepth: 16,
      ...(what.task !== undefined && { task: what.task }),
      onExcess: 'narrow',
    },
    state,
    'srv_1',
    past.now,
  )
  if (!answer.ok) return
  const { scopes, expiresAt, depth, task } = answer.grant
  const child = grant({
    id: `grt_${grants.length}`,
    agentId: receiver.id,
    instanceId: `ins_${grants.length}`,
    credentialId: `crd_${what.credential}`,
    lineage: parent.chain.map(({ id }) => id),
    scopes,
    expiresAt,
    depth,
    maxDepth: 16,
    ...(task !== undefined && { task }),
    createdSeq: seq,
    createdAt: past.now,
  })
  const known: Known = {
    parent: parent.known,
    agent: what.to,
    credential: what.credential,
    instance: grants.length,
    ...(task !== undefined && { task }),
    scopes: scopes.map(({ text }) => text),
    madeAt: past.now,
    end: expiresAt,
    after: past.events.length,
  }
  grants.push({ chain: [...parent.chain, child] as unknown as Chain, known })
}

function revoke(both: Both, { what, target, within, mintedBefore }: Of<'revoke'>): void {
  const { past, grants, revocations, seq } = both
  const index =
    what === 'grant' || what === 'instance' ? target % Math.max(1, grants.length) : target % 3
  const task = tasks[index % tasks.length] ?? 't'
  const meant: Record<typeof what, readonly [string, (known: Known) => boolean]> = {
    grant: [`grt_${index}`, (known) => known === grants[index]?.known],
    instance: [`ins_${index}`, (known) => known.instance === index],
    agent: [`agt_${index}`, (known) => known.agent === index],
    credential: [`crd_${index}`, (known) => known.credential === index],
    task: [task, (known) => known.task === task || known.task?.startsWith(`${task}/`) === true],
  }
  const [id, isMeant] = meant[what]
  const second = mintedBefore === undefined ? undefined : past.now - mintedBefore
  const branch = grants[(within?.grant ?? 0) % Math.max(1, grants.length)]?.known
  const isWithin = (known: Known) =>
    within === undefined ||
    (within.grant !== undefined && descendsFrom(known, branch)) ||
    rootOf(known).credential === within.credential
  const withinIds =
    within?.grant === undefined
      ? within && [`crd_${within.credential}`]
      : [`grt_${within.grant % Math.max(1, grants.length)}`]
  revocations.push(
    revocation({
      seq,
      kind: what,
      target: id,
      within: withinIds ?? [],
      ...(second !== undefined && { mintedBefore: second }),
    }),
  )
  past.events.push({
    isForGood: what === 'grant' || what === 'instance',
    ends: (known) =>
      isMeant(known) && isWithin(known) && (second === undefined || known.madeAt <= second),
  })
}

function setStatus(
  { past, agents, revocations, seq }: Both,
  { agent: n, status }: Of<'status'>,
): void {
  const found = agents[n]
  if (found === undefined || found.status === 'retired' || found.status === status) return
  agents[n] = { ...found, status }
  past.statuses[n] = status
  if (status === 'active') return
  revocations.push(revocation({ seq, kind: 'agent', target: found.id }))
  past.events.push({ isForGood: false, ends: (known) => known.agent === n })
}

function setCeiling({ past, agents, revocations, seq }: Both, what: Of<'ceiling'>): void {
  const { agent: n, scopes } = what
  const found = agents[n]
  if (found === undefined) return
  const left = withPermission(scopes)
  const isCut = !isSubset(meaningOf(past.ceilings[n] ?? []), meaningOf(scopes))
  agents[n] = { ...found, ceiling: left }
  past.ceilings[n] = scopes
  if (!isCut) return
  revocations.push(revocation({ seq, kind: 'ceiling', target: found.id, scopes: left }))
  past.events.push({ cutOf: n, left: scopes })
}

function endCredential({ past, credentials }: Both, what: Of<'credential'>): void {
  const found = credentials[what.credential]
  if (found === undefined || found.recordedStatus === 'revoked') return
  credentials[what.credential] = { ...found, recordedStatus: what.to }
  if (what.to === 'rotated') return
  past.events.push({ isForGood: true, ends: (known) => known.credential === what.credential })
}

const told = { grants: 0, questions: 0, died: 0, narrowed: 0 }

/** What a grant can be used for now: nothing once it is dead. */
function usable(chain: Chain, both: Both): ReadonlySet<string> {
  const state = stateOfBoth(both)
  if (!liveness(chain, state, both.past.now).live) return new Set()
  const { bounds } = authorityOf(chain, state)
  const allowed = permissions.filter((one) => !exceeded(bounds, one, 'org_1', state))
  return new Set(allowed.map(({ text }) => text))
}

function play(story: Told): void {
  const both = begin(story)
  const before = new Map<
    Known,
    { held: ReadonlySet<string>; taken: Set<string>; isLive: boolean }
  >()
  const roots: Happening[] = [0, 1, 2].map((n) => ({ kind: 'root', agent: n }))
  for (const what of [...roots, ...story.start, ...story.rest]) {
    happen(both, what)
    const state = stateOfBoth(both)
    for (const { chain, known } of both.grants) {
      const lives = liveness(chain, state, both.past.now).live
      expect(lives).toBe(isLive(known, both.past))
      const held = usable(chain, both)
      const foretold = permissions
        .map(({ text }) => text)
        .filter((text) => lives && allows(known, text, both.past))
      expect([...held]).toEqual(foretold)

      const earlier = before.get(known) ?? { held, taken: new Set<string>(), isLive: lives }
      expect(earlier.isLive || !lives).toBe(true)
      const gained = [...held].filter((text) => !earlier.held.has(text))
      expect(known.scopes === undefined ? [] : gained).toEqual([])
      const gone = [...earlier.held].filter((text) => !held.has(text))
      const taken = new Set([...earlier.taken, ...gone])
      expect([...held].filter((text) => taken.has(text))).toEqual([])
      before.set(known, { held, taken, isLive: lives })

      told.questions += 1
      if (earlier.isLive && !lives) told.died += 1
      if (lives && gone.length > 0) told.narrowed += 1
    }
  }
  told.grants += both.grants.length
}

test('a grant lives and may do what its history leaves it, and what was taken never returns', () => {
  fc.assert(fc.property(histories, play), { numRuns: rounds({ short: 500, long: 5000 }) })
  expect(told).toEqual({
    grants: expect.toSatisfy((n) => n > 3000),
    questions: expect.toSatisfy((n) => n > 30_000),
    died: expect.toSatisfy((n) => n > 500),
    narrowed: expect.toSatisfy((n) => n > 200),
  })
})
