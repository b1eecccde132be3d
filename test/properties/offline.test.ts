// Histories of delegations, restrictions and rotations, at the end of each second held against Remit itself:
// what a verifier that never asks believes, Remit believes; and what Remit believes, the verifier refuses only
// where a token was issued in the very second of a restriction (authority: rules 17 and 25).

import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { minted, delegated, renewed, may, named, secretFrom } from '../attacks/attack.ts'
import type { Held } from '../attacks/attack.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { createVerifier } from '../../src/verify/verifier.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { fetchOf } from '../verify/served.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'

type Step =
  | { readonly kind: 'mint'; readonly by: number; readonly scopes: number; readonly task: number }
  | {
      readonly kind: 'delegate'
      readonly from: number
      readonly to: number
      readonly scopes: number
      readonly task: number
    }
  | { readonly kind: 'renew'; readonly grant: number; readonly by: number }
  | {
      readonly kind: 'revoke'
      readonly what: 'grant_id' | 'instance_id' | 'agent' | 'credential_id' | 'task' | 'token_id'
      readonly which: number
      /** Seconds ago. */
      readonly mintedBefore?: number | undefined
      /** The grant that revokes what hangs below it; else the administrator does. */
      readonly by?: number | undefined
    }
  | { readonly kind: 'status'; readonly agent: number; readonly status: string }
  | { readonly kind: 'ceiling'; readonly agent: number; readonly scopes: number }
  | { readonly kind: 'credential'; readonly which: number; readonly overlap: number }
  | { readonly kind: 'end_credential'; readonly which: number; readonly kill: boolean }
  | {
      readonly kind: 'key'
      readonly retire: number
      readonly purpose: 'access_token' | 'deny_list'
    }
  | { readonly kind: 'register' }
  | { readonly kind: 'wait'; readonly seconds: number }

const which = fc.nat(12)
const few = fc.nat(2)
const some = fc.nat(3)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('mint'), by: few, scopes: some, task: some }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('delegate'),
      from: which,
      to: few,
      scopes: some,
      task: some,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('renew'), grant: which, by: few }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('revoke'),
      what: fc.constantFrom(
        'grant_id',
        'instance_id',
        'agent',
        'credential_id',
        'task',
        'token_id',
      ),
      which,
      mintedBefore: fc.option(fc.nat(6), { nil: undefined }),
      by: fc.option(which, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('status'),
      agent: few,
      status: fc.constantFrom('active', 'active', 'suspended'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ceiling'), agent: few, scopes: some }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('credential'),
      which: few,
      overlap: fc.constantFrom(0, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('end_credential'), which, kill: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('key'),
      retire: fc.constantFrom(0, 4, 3600),
      purpose: fc.constantFrom('access_token', 'deny_list'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'register' as const }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('wait'), seconds: fc.integer({ min: 1, max: 4 }) }),
  },
) as fc.Arbitrary<Step>

const ceilings = ['demo:*', 'demo/a:*', 'demo:read demo/b:write', 'demo:write demo/a:late'].map(
  (text) => [...text.split(' '), 'tokens:delegate'],
)
const tasks = [undefined, 'a', 'a/b', 'c']
const permissions = ['demo/a:read', 'demo/b:write', 'demo/a:late', 'demo:read']
const cause = 'test'

interface Story {
  readonly w: World
  readonly holders: Holder[]
  readonly credentials: { readonly id: string; readonly presented: Presented }[]
  readonly held: Held[]
  readonly tokens: { readonly text: string; readonly issuedAt: number }[]
  /** Seconds in which anything was restricted or registered. */
  readonly restricted: Set<number>
  readonly followers: readonly Verifier[]
}

async function begin(): Promise<Story> {
  const w = await world()
  const holders: Holder[] = []
  for (const name of ['one', 'two', 'three']) {
    holders.push(await w.addAgent(name, 'demo:* tokens:delegate'))
  }
  const credentials = holders.map(({ credentialId, presented }) => ({
    id: credentialId,
    presented,
  }))
  for (const { id, name } of holders) {
    const asked = { agent: name, kind: 'secret', delivery: 'meta' }
    const answer = await w.call(named('add_credential'), asked)
    if (!answer.ok) throw answer.refusal
    const presented = secretFrom(answer, id)
    credentials.push({ id: String(answer.result['credential_id']), presented })
  }
  return {
    w,
    holders,
    credentials,
    held: [],
    tokens: [],
    restricted: new Set(),
    followers: [verifierOf(w)],
  }
}

const verifierOf = (w: World): Verifier =>
  createVerifier({
    issuer: w.issuer,
    audience: w.issuer,
    fetch: fetchOf(w.context),
    now: w.now,
    elapsed: () => w.now() * 1000,
    refreshSeconds: 1,
  })

const at = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)]

async function happen(story: Story, what: Step): Promise<void> {
  const { w, holders, credentials, held, restricted } = story
  const now = w.now()
  const restrict = async (name: string, args: object, as?: Presented) => {
    const answer = await w.call(named(name), { ...args }, as ?? w.admin)
    if (answer.ok) restricted.add(now)
  }
  const took = async (made: Promise<Held>) => {
    const one = await made.catch(() => undefined)
    if (one === undefined) return
    held.push(one)
    story.tokens.push({ text: one.text, issuedAt: now })
  }
  const taskOf = (n: number) => (tasks[n] === undefined ? {} : { task: tasks[n] })
  switch (what.kind) {
    case 'mint': {
      const credential = at(credentials, what.by * 2 + what.task)
      if (credential === undefined) return
      const asked = {
        scopes: at(ceilings, what.scopes),
        on_excess: 'narrow',
        grant_ttl_seconds: 900,
      }
      return took(minted(w, credential.presented, { ...asked, ...taskOf(what.task) }))
    }
    case 'delegate': {
      const parent = at(held, what.from)
      const to = at(holders, what.to)?.name
      if (parent === undefined) return
      const asked = { scopes: at(ceilings, what.scopes), on_excess: 'narrow', to }
      return took(
        delegated(w, parent.presented, { ...asked, ...taskOf(what.task), grant_ttl_seconds: 900 }),
      )
    }
    case 'renew': {
      const grant = at(held, what.grant)
      if (grant === undefined) return
      for (const { presented } of credentials) {
        const asked = { grant_id: grant.grantId }
        const one = await renewed(w, presented, asked).catch(() => undefined)
        if (one !== undefined) story.tokens.push({ text: one.text, issuedAt: now })
      }
      return
    }
    case 'revoke': {
      const grant = at(held, what.which)
      const target = {
        grant_id: grant?.grantId,
        token_id: grant?.tokenId,
        instance_id: grant && instanceOf(grant),
        agent: at(holders, what.which)?.name,
        credential_id: at(credentials, what.which)?.id,
        task: at(tasks.slice(1), what.which),
      }[what.what]
      if (target === undefined) return
      const seconds = what.mintedBefore
      return restrict(
        'revoke_token',
        {
          [what.what]: target,
          cause,
          ...(seconds !== undefined && { minted_before: now - seconds }),
        },
        what.by === undefined ? undefined : at(held, what.by)?.presented,
      )
    }
    case 'status':
      return restrict('set_agent_status', {
        agent: at(holders, what.agent)?.name,
        status: what.status,
        cause,
      })
    case 'ceiling':
      return restrict('update_agent', {
        agent: at(holders, what.agent)?.name,
        ceiling: at(ceilings, what.scopes)?.filter((scope) => isKnown(w, scope)),
      })
    case 'credential':
      return restrict('rotate_credential', {
        credential_id: at(credentials, what.which)?.id,
        overlap_seconds: what.overlap,
        delivery: 'handoff',
      })
    case 'end_credential':
      return restrict('revoke_credential', {
        credential_id: at(credentials, what.which)?.id,
        kill_tokens: what.kill,
        cause,
      })
    case 'key':
      return restrict('rotate_signing_key', {
        retire_after_seconds: what.retire,
        purpose: what.purpose,
      })
    case 'register':
      return restrict('register_resource_type', {
        type: 'demo',
        description: '',
        operations: ['read', 'write', 'delete', 'late'],
      })
    case 'wait':
      return compare(story, what.seconds)
  }
}

const isKnown = (w: World, scope: string): boolean =>
  !scope.endsWith(':late') ||
  w.context.live.resourceType(w.orgId, 'demo')?.operations.has('late') === true

function instanceOf({ text }: Held): string | undefined {
  const { via } = decodeJwt(text)['remit'] as { via: readonly { instance?: string }[] }
  return via.at(-1)?.instance
}

const seen = { questions: 0, allowed: 0, refused: 0 }

/** Every token so far, in the next second: what Remit says, and verifiers old and new. */
async function compare(story: Story, seconds: number): Promise<void> {
  const { w, tokens, restricted, followers } = story
  w.pass(seconds)
  const verifiers = [...followers, verifierOf(w)]
  for (const { text, issuedAt } of tokens) {
    const bySecond = restricted.has(issuedAt)
    for (const permission of permissions) {
      const says = await may(w, { kind: 'token', presentedToken: text }, permission)
      // An operation that nobody registered yet: which there are, only Remit knows.
      if (says === 'invalid_scope') continue
      for (const verifier of verifiers) {
        const { allowed, ...told } = await verifier.check(text, [permission])
        seen.questions += 1
        const isRight = allowed ? says === 'allowed' : says !== 'allowed' || bySecond
        expect({ permission, says, allowed, told, isRight }).toMatchObject({ isRight: true })
        seen[allowed ? 'allowed' : 'refused'] += 1
      }
    }
  }
}

test('a verifier believes nothing that Remit does not, and refuses nothing else but by the second', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 16, maxLength: 24 }), async (steps) => {
      const story = await begin()
      for (const what of [...steps, { kind: 'wait', seconds: 1 } as const])
        await happen(story, what)
    }),
    { numRuns: 10 },
  )
  expect(seen).toMatchObject({
    questions: expect.toSatisfy((n: number) => n > 200),
    allowed: expect.toSatisfy((n: number) => n > 20),
    refused: expect.toSatisfy((n: number) => n > 50),
  })
}, 120_000)
