// Public vectors of C2SP/wycheproof, read where they are at hand and never copied into the project.
//
// Profile: we take compact JWS by one public key of a set, chosen by `kid`, under EdDSA, ES256, ES384,
// RS256 or PS256 as the key itself says. Every `invalid` vector must be refused; of the `valid` ones
// only those by shared secrets, under other algorithms, or by a key whose `alg` is not the token's.

import { existsSync, readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { verifyClientAssertion } from '../../src/crypto/client-assertion.ts'
import { readCompactJws } from '../../src/crypto/compact-jws.ts'
import { fits, isSignedBy, verifyForeignJws } from '../../src/crypto/foreign-jws.ts'
import { checkPublicJwks } from '../../src/crypto/key-set.ts'
import { checkPublicJwk } from '../../src/crypto/public-key.ts'
import type { PublicKey } from '../../src/crypto/public-key.ts'

interface Vector {
  readonly id: string
  readonly comment: string
  readonly key: unknown
  readonly secret: boolean
  readonly jws: unknown
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

const folder = new URL('../../../shared/vectors/', import.meta.url)
const files = ['wycheproof-jws.json', 'wycheproof-jwk.json', 'wycheproof-crypto.json']
const present = files.filter((file) => existsSync(new URL(file, folder)))
const absent = files.filter((file) => !present.includes(file))

/** All keys of the set must be sound, or none is used. */
async function verdict({ key, jws }: Vector): Promise<string> {
  const keys: PublicKey[] = []
  for (const jwk of keysOf(key)) {
    const checked = checkPublicJwk(jwk)
    if (!checked.ok) return checked.reason
    keys.push(checked.key)
  }
  if (typeof jws !== 'string') return 'not_three_segments'
  const verified = await verifyForeignJws(jws, keys)
  return verified.ok ? 'accepted' : verified.reason
}

/** Whether its signature is believed at that door; none of them holds the claims of an assertion. */
async function isHeldAsAssertion({ key, jws }: Vector): Promise<boolean> {
  const keys = keysOf(key)
  const checked = keys.length > 1 ? checkPublicJwks({ keys }) : checkPublicJwk(keys[0])
  if (!checked.ok || typeof jws !== 'string') return false
  const own = 'keys' in checked ? checked.keys : [checked.key]
  const expected = { agentId: 'agt', issuer: 'urn:remit', now: 0 }
  const found = await verifyClientAssertion(jws, own, expected)
  return !found.ok && found.key !== undefined
}

/**
 * Whether it would hold as a proof by that key, which a proof brings in its header (RFC 9449 §4.2): read, and
 * believed, in the steps of the proofs' door, as no vector has their `typ`.
 */
async function isHeldAsProof({ key, jws }: Vector): Promise<boolean> {
  const [jwk, second] = keysOf(key)
  if (typeof jws !== 'string' || second !== undefined) return false
  const read = readCompactJws(jws, 'proof')
  if (!read.ok) return false
  const { alg } = read.header
  const checked = checkPublicJwk({ alg, ...(jwk as object) })
  return checked.ok && fits(checked.key, alg) && isSignedBy(jws, checked.key, alg)
}

/** A proof names no key: it brings one. */
const namesItsKey = ({ jws }: Vector): boolean =>
  'kid' in JSON.parse(Buffer.from(String(jws).split('.')[0] ?? '', 'base64url').toString())

const keysOf = (key: unknown): readonly unknown[] =>
  typeof key === 'object' && key !== null && 'keys' in key && Array.isArray(key.keys)
    ? key.keys
    : [key]

const takenAlgorithms = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256']

/** Whether a vector's key says an algorithm of ours, and its token the same. */
function isInProfile({ key, jws, secret }: Vector): boolean {
  if (secret || typeof jws !== 'string') return false
  const header: unknown = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString())
  const [only] = keysOf(key) as readonly { readonly alg?: string }[]
  const { alg } = header as { readonly alg: string }
  return takenAlgorithms.includes(alg) && only?.alg === alg
}

// A suite that did not run must not look as if it had.
for (const file of absent) console.warn(`${file} is not at hand: its vectors were not tested`)
it.each(absent)('MISSING and so not tested: %s', (file) => {
  expect(present).not.toContain(file)
})

describe.each(present)('%s', (file) => {
  const vectors = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as readonly Vector[]

  it('has vectors of both kinds', () => {
    expect(new Set(vectors.map((vector) => vector.result))).toEqual(new Set(['valid', 'invalid']))
  })

  it('has no invalid vector that is accepted', async () => {
    const accepted: string[] = []
    for (const vector of vectors.filter(({ result }) => result !== 'valid')) {
      if ((await verdict(vector)) === 'accepted') accepted.push(`${vector.id} ${vector.comment}`)
    }
    expect(accepted).toEqual([])
  })

  it('has no valid vector within the profile that is refused', async () => {
    const refused: string[] = []
    const inside = vectors.filter((each) => each.result === 'valid' && isInProfile(each))
    expect(inside).not.toEqual([])
    for (const vector of inside) {
      const reason = await verdict(vector)
      if (reason !== 'accepted') refused.push(`${vector.id} ${vector.comment}: ${reason}`)
    }
    expect(refused).toEqual([])
  })

  it('is judged alike where keys are registered and client assertions are taken', async () => {
    const unlike: string[] = []
    for (const vector of vectors) {
      const isAccepted = (await verdict(vector)) === 'accepted'
      const isHeld = await isHeldAsAssertion(vector)
      if (isAccepted !== isHeld) unlike.push(`${vector.id} ${vector.comment}`)
    }
    expect(unlike).toEqual([])
  })

  it('is judged as strictly where a proof brings its key', async () => {
    const unlike: string[] = []
    for (const vector of vectors) {
      const isTaken = (await verdict(vector)) === 'accepted' && !namesItsKey(vector)
      if ((await isHeldAsProof(vector)) !== isTaken) unlike.push(`${vector.id} ${vector.comment}`)
    }
    expect(unlike).toEqual([])
  })

  it('has no valid vector outside the profile that is accepted', async () => {
    const outside = vectors.filter((each) => each.result === 'valid' && !isInProfile(each))
    const reasons = new Set<string>()
    for (const vector of outside) reasons.add(await verdict(vector))
    expect([...reasons].filter((reason) => !outsideReasons.has(reason))).toEqual([])
  })
})

const outsideReasons: ReadonlySet<string> = new Set([
  'symmetric_key',
  'alg_does_not_fit',
  'unsupported_curve',
])
