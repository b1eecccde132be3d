// Secrets we make: `rmt_<kind>_`, 43 base62 characters (256 random bits) and 6 of checksum, so that a
// scanner can tell a real one from a look-alike without asking us. The checksum proves nothing else.
// A secret in hand is a `Secret`, which no log, template or JSON will print.

import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { crc32 } from 'node:zlib'

const prefixes = {
  rmt_sec_: 'agent_secret',
  rmt_key_: 'api_key',
  rmt_reg_: 'registration',
  rmt_hof_: 'handoff',
  rmt_tok_: 'opaque_token',
  rmt_srv_: 'management_token',
} as const

type Prefix = keyof typeof prefixes
export type SecretKind = (typeof prefixes)[Prefix]

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const marker = 'rmt_'
const prefixLength = 8
const bodyLength = 43
const checksumLength = 6
const secretLength = prefixLength + bodyLength + checksumLength
const shape = /^rmt_[a-z]{3}_[0-9A-Za-z]{49}$/

/** A text that shows itself to `reveal` alone. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text, for the one place that hashes, delivers or presents it. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}

/** A new secret of one kind; `random` gives 32 bytes and is fixed in tests only. */
export function newSecret(kind: SecretKind, random: () => Buffer = () => randomBytes(32)): Secret {
  const bytes = random()
  if (bytes.length !== 32) throw new RangeError('A secret needs exactly 32 random bytes.')
  const body = prefixOf(kind) + base62(BigInt(`0x${bytes.toString('hex')}`), bodyLength)
  return new Secret(body + checksumOf(body))
}

/** The kind of a text that is one whole secret of ours, checksum included; else `undefined`. */
export function secretKindOf(untrusted: string): SecretKind | undefined {
  if (untrusted.length !== secretLength || !shape.test(untrusted)) return undefined
  const prefix = untrusted.slice(0, prefixLength)
  if (!isPrefix(prefix)) return undefined
  const end = prefixLength + bodyLength
  return checksumOf(untrusted.slice(0, end)) === untrusted.slice(end) ? prefixes[prefix] : undefined
}

/** Whether a secret of ours stands anywhere in a text; linear in its length (authority: 34). */
export function containsSecret(untrusted: string): boolean {
  let at = untrusted.indexOf(marker)
  while (at !== -1) {
    if (secretKindOf(untrusted.slice(at, at + secretLength)) !== undefined) return true
    at = untrusted.indexOf(marker, at + marker.length)
  }
  return false
}

const isPrefix = (text: string): text is Prefix => Object.hasOwn(prefixes, text)

function prefixOf(kind: SecretKind): Prefix {
  const found = Object.entries(prefixes).find(([, named]) => named === kind)
  if (found === undefined) throw new TypeError('There is no such kind of secret.')
  return found[0] as Prefix
}

const checksumOf = (body: string): string => base62(BigInt(crc32(body)), checksumLength)

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; rest > 0n; rest /= 62n) text = alphabet.charAt(Number(rest % 62n)) + text
  return text.padStart(length, '0')
}
