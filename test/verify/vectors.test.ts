// The published vectors are what this verifier says, each through its public face, and what their maker makes.

import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createVerifier } from '../../src/verify/verifier.ts'
import { makeVectors } from './make-vectors.ts'

const file = fileURLToPath(new URL('vectors.json', import.meta.url))

test('the file is what its maker makes', async () => {
  await expect(`${JSON.stringify(makeVectors(), undefined, 1)}\n`).toMatchFileSnapshot(file)
})

const { issuer, audience, jwks, deny_lists: lists, cases } = makeVectors()

test('there are many, told apart by their names', () => {
  expect(cases.length).toBeGreaterThan(80)
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
})

describe('the verdict on', () => {
  test.each(cases)('$name', async ({ now, token, permission, deny_list, ...told }) => {
    const verifier = createVerifier({
      issuer,
      audience,
      fetch: async (what) => (what === 'jwks' ? JSON.stringify(jwks) : (lists[deny_list] ?? '')),
      now: () => now,
      elapsed: () => 0,
      lowestVersion: told.seen_version,
    })
    const checked = await verifier.check(token, [permission])
    const found =
      'results' in checked
        ? { code: checked.results[0]?.code, reason: checked.results[0]?.code }
        : { code: checked.error.code, reason: checked.reason }
    expect({ verdict: checked.allowed ? 'allowed' : 'refused', ...found }).toEqual({
      verdict: told.verdict,
      code: told.code,
      reason: told.reason,
    })
  })
})
