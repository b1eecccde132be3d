// Content-Digest (RFC 9530): that a body is the one that was signed for.

import { hash } from 'node:crypto'
import { parseDictionary } from 'structured-headers'
import { sameBytes } from './keyed-hash.ts'

const algorithms = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const
type Algorithm = keyof typeof algorithms

export type Digests = ReadonlyMap<Algorithm, Buffer>

/** The digests of a field that we can compare; `undefined` where there are none, or it is malformed. */
export function readDigests(untrusted: string): Digests | undefined {
  try {
    const digests = new Map<Algorithm, Buffer>()
    for (const [name, [value]] of parseDictionary(untrusted)) {
      if (!(value instanceof ArrayBuffer)) return undefined
      if (name === 'sha-256' || name === 'sha-512') digests.set(name, Buffer.from(value))
    }
    return digests.size === 0 ? undefined : digests
  } catch {
    return undefined
  }
}

/** Both digests of a body, to be compared with what a field says. */
export const digestsOf = (body: string | Buffer): Digests =>
  new Map(
    (['sha-256', 'sha-512'] as const).map((name) => [name, hash(algorithms[name], body, 'buffer')]),
  )

/** The field for a body. */
export const contentDigest = (body: string | Buffer): string =>
  `sha-256=:${hash('sha256', body, 'base64')}:`

/** Whether all digests that both have are equal, and there is one. */
export function agree(stated: Digests, found: Digests): boolean {
  const common = [...stated].filter(([name]) => found.has(name))
  return (
    common.length > 0 && common.every(([name, digest]) => sameBytes(digest, found.get(name) ?? ''))
  )
}
