// Revoking is one row, whatever hangs below: its cost should not rise with the number of descendants. The
// sizes take turns in one run, so that whatever slows this machine slows all of them.

import type { Grant } from '../../src/core/grant.ts'
import { insertGrant } from '../../src/store/grants.ts'
import { makeHome } from './support/home.ts'
import { medianOf, say, sayAim } from './support/measure.ts'

const sizes = [1, 1000, 100_000]
const warmUp = 2
const rounds = 15
const aim = 1.2

const home = await makeHome()
const { context, result, as } = home
const planted = []
for (const size of sizes) {
  planted.push({ size, heads: await plant(size), times: [] as number[] })
}
for (let round = 0; round < warmUp + rounds; round++) {
  for (const i of sizes.keys()) {
    const one = planted[(round + i) % sizes.length]
    const ms = await millisecondsToRevoke(one?.heads.pop())
    if (round >= warmUp) one?.times.push(ms)
  }
}
const medians = planted.map(({ times }) => medianOf(times))
for (const [i, { size }] of planted.entries()) {
  const shown = medians[i]?.toFixed(2)
  say(`revoke_token above ${size.toLocaleString('en')} descendants: ${shown} ms`)
}
const ratio = Math.max(...medians) / Math.min(...medians)
sayAim(`the slowest over the quickest ${ratio.toFixed(2)}, aim ${aim} at most`, ratio <= aim)
await home.close()

async function millisecondsToRevoke(grant: Grant | undefined): Promise<number> {
  if (grant === undefined) throw new Error('There is nothing left to revoke.')
  const started = performance.now()
  await result('revoke_token', { grant_id: grant.id, cause: 'bench' }, as.local)
  return performance.now() - started
}

/** A chain of heads under one's own root, the topmost first, and `size` grants below the last of them. */
async function plant(size: number): Promise<Grant[]> {
  const mint = { scopes: ['demo:read', 'tokens:delegate'], max_depth: 16 }
  const { grant_id } = (await result('mint_token', mint, as.local)).result
  const root = await context.live.grant(String(grant_id))
  if (root === undefined) throw new Error('The root is not there.')
  const chain = [root]
  while (chain.length < warmUp + rounds) chain.push(below(chain.at(-1) ?? root))
  const last = chain.at(-1) ?? root
  const grants = [...chain.slice(1), ...Array.from({ length: size }, () => below(last))]
  const writes = grants.map((grant) => insertGrant({ grant, guard: [] }))
  await context.committer.submit({ writes, events: [] })
  return chain
}

function below(parent: Grant): Grant {
  return {
    ...parent,
    id: context.newId('grt'),
    parentId: parent.id,
    lineage: [...parent.lineage, parent.id],
    depth: parent.depth + 1,
  }
}
