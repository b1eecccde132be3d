// Pruning changes no decision: whatever was minted, delegated and revoked, every grant and token is
// answered after it as it was before, by a process that knows nothing but the store.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onHost } from '../../src/authority/on-host.ts'
import { pruneStore } from '../../src/authority/prune.ts'
import type { Context } from '../../src/authority/context.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rounds } from '../support/rounds.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const hour = 3600

type Step =
  | { readonly do: 'mint'; readonly hours: number; readonly uses: boolean }
  | { readonly do: 'delegate'; readonly under: number; readonly hours: number }
  | { readonly do: 'revoke'; readonly which: number }
  | { readonly do: 'pass'; readonly hours: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mint' as const),
      hours: fc.integer({ min: 1, max: 24 }),
      uses: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('delegate' as const),
      under: fc.nat(20),
      hours: fc.integer({ min: 1, max: 24 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      hours: fc.integer({ min: 1, max: 40 }),
    }),
  },
)

interface Known {
  readonly grantId: string
  readonly tokenId: string
  readonly presented: Presented
}

const inline = { delivery: 'inline' }

/** Plays the steps; what the state does not allow is simply refused. */
async function play(w: World, steps: readonly Step[]): Promise<Known[]> {
  const known: Known[] = []
  const remember = (answer: Awaited<ReturnType<typeof w.call>>) => {
    if (!answer.ok) return
    const { grant_id, token_id, delivery } = answer.result as {
      grant_id: string
      token_id: string
      delivery: { token: string }
    }
    const presented = { kind: 'token', presentedToken: delivery.token } as const
    known.push({ grantId: grant_id, tokenId: token_id, presented })
  }
  for (const each of steps) {
    const at = (n: number) => known[n % Math.max(1, known.length)]
    if (each.do === 'pass') w.pass(each.hours * hour)
    if (each.do === 'mint') {
      const scopes = ['demo:read', 'demo:write', 'tokens:delegate']
      const limits = { grant_ttl_seconds: each.hours * hour, ...(each.uses && { uses: 1000 }) }
      remember(await w.call(mintToken, { scopes, ...limits, ...inline }))
    }
    if (each.do === 'delegate') {
      const under = at(each.under)
      const args = {
        scopes: ['demo:read', 'tokens:delegate'],
        grant_ttl_seconds: each.hours * hour,
      }
      const acting = under === undefined ? {} : { act_as: under.grantId }
      remember(await w.call(delegateToken, { ...args, ...acting, ...inline }))
    }
    if (each.do === 'revoke' && known.length > 0) {
      await w.call(revokeToken, { grant_id: at(each.which)?.grantId, cause: 'test' })
    }
  }
  return known
}

/** What a process that starts now answers about each of them. */
async function decisions(
  w: World,
  known: readonly Known[],
  process: Context,
): Promise<boolean[][]> {
  const permissions = ['demo:read', 'demo:write']
  const all: boolean[][] = []
  for (const { grantId, tokenId, presented } of known) {
    const is = async (answer: ReturnType<typeof w.call>, field: string) => {
      const { ok, ...rest } = await answer
      return ok && (rest as { result: Record<string, unknown> }).result[field] === true
    }
    const at = { in: process }
    const dry = { dry_run: true }
    all.push([
      await is(w.call(checkPermission, { permissions }, presented, at), 'allowed'),
      await is(w.call(checkPermission, { permissions, grant_id: grantId }, w.admin, at), 'allowed'),
      await is(w.call(checkPermission, { permissions, act_as: grantId }, w.admin, at), 'allowed'),
      await is(w.call(introspectToken, { grant_id: grantId }, w.admin, at), 'active'),
      await is(w.call(introspectToken, { token_id: tokenId }, w.admin, at), 'active'),
      (await w.call(renewToken, { token_id: tokenId, ...dry }, w.admin, at)).ok,
      (await w.call(delegateToken, { scopes: ['demo:read'], act_as: grantId, ...dry }, w.admin, at))
        .ok,
    ])
  }
  return all
}

test('every decision is the same before and after', async () => {
  const seen = { pruned: 0, alive: 0, dead: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 18 }), async (steps) => {
      const w = await world({ settings: { maxChildren: 1000 } })
      const known = await play(w, steps)
      const before = await decisions(w, known, await w.startProcess())
      const { store, keys, self } = w.context
      const host = await onHost({ store, keys, facts: self, schemaVersion: 1 }, w.context)
      const place = { home: w.home, checkpoints: `${w.home}/kept.jsonl` }
      const foretold = await pruneStore(host, place, { olderThan: 24 * hour, dryRun: true })
      const report = await pruneStore(host, place, { olderThan: 24 * hour, dryRun: false })
      expect({ ...foretold, dry_run: undefined }).toEqual({ ...report, dry_run: undefined })
      expect(await decisions(w, known, await w.startProcess())).toEqual(before)
      // In the process that was there all along too.
      expect(await decisions(w, known, w.context)).toEqual(before)
      seen.pruned += report.grants
      seen.alive += before.filter((each) => each[3] === true).length
      seen.dead += before.filter((each) => each[3] === false).length
    }),
    { numRuns: rounds({ short: 10, long: 200 }), seed: 7 },
  )
  // The stories did hold what the law is about.
  expect(Math.min(seen.pruned, seen.alive, seen.dead)).toBeGreaterThan(10)
})
