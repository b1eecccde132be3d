// Revoking is one row, whatever hangs below: its cost should not rise with the number of descendants.

import type { Grant } from '../../src/core/grant.ts'
import { insertGrant } from '../../src/store/grants.ts'
import { makeHome } from './support/home.ts'
import type { Home } from './support/home.ts'
import { medianOf, say } from './support/measure.ts'

const sizes = [1, 1000, 100_000]
const heads = 9

const home = await makeHome()
const medians = new Map<number, number>()
for (const size of sizes) medians.set(size, medianOf(await revoked(home, size)))
for (const [size, ms] of medians) {
  say(`revoke_token above ${size.toLocaleString('en')} descendants: ${ms.toFixed(2)} ms`)
}
await home.close()

/** Milliseconds of each revocation, from the lowest of a chain of heads above all the others upwards. */
async function revoked(at: Home, size: number): Promise<number[]> {
  const chain = await plant(at, size)
  const times: number[] = []
  for (const grant of chain.toReversed()) {
    const started = performance.now()
    await at.result('revoke_token', { grant_id: grant.id, cause: 'bench' }, at.as.local)
    times.push(performance.now() - started)
  }
  return times
}

/** A chain of heads under one's own root, and `size` grants below the last of them. */
async function plant({ context, result, as }: Home, size: number): Promise<readonly Grant[]> {
  const mint = { scopes: ['demo:read', 'tokens:delegate'], max_depth: 16 }
  const { grant_id } = (await result('mint_token', mint, as.local)).result
  const root = await context.live.grant(String(grant_id))
  if (root === undefined) throw new Error('The root is not there.')
  const chain = [root]
  const writes = []
  for (let i = 0; i < heads - 1; i++) {
    const child = below(chain.at(-1) ?? root)
    chain.push(child)
    writes.push(insertGrant({ grant: child, guard: [] }))
  }
  const last = chain.at(-1) ?? root
  for (let i = 0; i < size; i++) writes.push(insertGrant({ grant: below(last), guard: [] }))
  await context.committer.submit({ writes, events: [] })
  return chain

  function below(parent: Grant): Grant {
    return {
      ...parent,
      id: context.newId('grt'),
      parentId: parent.id,
      lineage: [...parent.lineage, parent.id],
      depth: parent.depth + 1,
    }
  }
}
