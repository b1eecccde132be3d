import { inspect } from 'node:util'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { containsSecret, newSecret, Secret, secretKindOf } from '../../src/crypto/secret.ts'
import type { SecretKind } from '../../src/crypto/secret.ts'

const kinds: Record<SecretKind, string> = {
  agent_secret: 'rmt_sec_',
  api_key: 'rmt_key_',
  registration: 'rmt_reg_',
  handoff: 'rmt_hof_',
  opaque_token: 'rmt_tok_',
  management_token: 'rmt_srv_',
}
const anyKind = fc.constantFrom(...(Object.keys(kinds) as SecretKind[]))
const anyBytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const anySecret = fc.tuple(anyKind, anyBytes).map(([kind, bytes]) => ({
  kind,
  bytes,
  text: newSecret(kind, () => bytes).reveal(),
}))
const text = newSecret('api_key', () => Buffer.alloc(32, 7)).reveal()

describe('a new secret', () => {
  it.each(Object.entries(kinds))('of kind %s begins with %s', (kind, prefix) => {
    const made = newSecret(kind as SecretKind).reveal()
    expect(made).toMatch(new RegExp(`^${prefix}[0-9A-Za-z]{49}$`))
    expect(secretKindOf(made)).toBe(kind)
  })

  it('is spelled the same wherever it is made of the same bytes', () => {
    expect(newSecret('agent_secret', () => Buffer.alloc(32)).reveal()).toBe(
      'rmt_sec_00000000000000000000000000000000000000000003474SV',
    )
    expect(newSecret('agent_secret', () => Buffer.alloc(32, 255)).reveal()).toBe(
      'rmt_sec_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10El6KN',
    )
  })

  it('is never the same twice', () => {
    const made = Array.from({ length: 100 }, () => newSecret('api_key').reveal())
    expect(new Set(made).size).toBe(100)
  })

  it('is not made of too little randomness', () => {
    expect(() => newSecret('api_key', () => Buffer.alloc(31))).toThrow(RangeError)
  })

  it('keeps every one of its 256 bits', () => {
    fc.assert(fc.property(anySecret, anySecret, (a, b) => (a.text === b.text) === sameSecret(a, b)))
  })
})

const sameSecret = (a: { kind: string; bytes: Buffer }, b: { kind: string; bytes: Buffer }) =>
  a.kind === b.kind && a.bytes.equals(b.bytes)

describe('what only looks like a secret', () => {
  it.each<[string, string]>([
    ['nothing', ''],
    ['the prefix alone', 'rmt_key_'],
    ['an unknown prefix', text.replace('rmt_key_', 'rmt_abc_')],
    ['another kind’s prefix', text.replace('rmt_key_', 'rmt_sec_')],
    ['upper case', text.toUpperCase()],
    ['a wrong checksum', `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`],
    ['one character more', `${text}0`],
    ['one character less', text.slice(0, -1)],
    ['a newline behind it', `${text}\n`],
    ['a space before it', ` ${text}`],
    ['a letter outside the alphabet', `${text.slice(0, 20)}é${text.slice(21)}`],
  ])('is none: %s', (_, lookalike) => {
    expect(secretKindOf(lookalike)).toBeUndefined()
  })

  it('is told apart after any change of a single character', () => {
    const character = fc.string({ minLength: 1, maxLength: 1 })
    fc.assert(
      fc.property(anySecret, fc.nat({ max: 56 }), character, (secret, at, put) => {
        fc.pre(secret.text.charAt(at) !== put)
        return (
          secretKindOf(secret.text.slice(0, at) + put + secret.text.slice(at + 1)) === undefined
        )
      }),
    )
  })
})

describe('a text', () => {
  it.each<[string, string]>([
    ['a secret', text],
    ['a secret in a sentence', `please use ${text}.`],
    ['a secret glued to other text', `x${text}yz`],
    ['a secret after a false start', `rmt_rmt_key_rmt_${text}`],
    ['a secret after one that is cut off', `${text.slice(0, -1)}${text}`],
    ['a secret in JSON', JSON.stringify({ a: { b: [text] } })],
  ])('is seen to contain %s', (_, given) => {
    expect(containsSecret(given)).toBe(true)
  })

  it.each<[string, string]>([
    ['nothing', ''],
    ['ordinary words', 'read the reports of 2026'],
    ['the prefixes by name', 'secrets start with rmt_sec_, rmt_key_ or rmt_tok_'],
    ['a look-alike without a valid checksum', `rmt_key_${'a'.repeat(49)}`],
    ['a secret cut off', text.slice(0, -1)],
    ['an id', 'agt_01h455vb4pex5vsknk084sn02q'],
    ['a megabyte of prefixes', 'rmt_sec_'.repeat(130_000)],
  ])('is not accused for %s', (_, given) => {
    expect(containsSecret(given)).toBe(false)
  })

  it('is seen to contain a secret wherever it stands', () => {
    const around = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(around, anySecret, around, (before, secret, after) =>
        containsSecret(before + secret.text + after),
      ),
    )
  })
})

describe('a Secret', () => {
  const secret = new Secret(text)

  it('is shown by reveal alone', () => {
    expect(secret.reveal()).toBe(text)
  })

  it.each<[string, string]>([
    ['in a template', `${secret}`],
    ['as a string', String(secret)],
    ['joined', [secret].join()],
    ['in JSON', JSON.stringify({ secret })],
    ['inspected', inspect(secret)],
    [
      'inspected deeply with hidden members',
      inspect({ a: [secret] }, { showHidden: true, depth: 9 }),
    ],
    ['as its members', JSON.stringify(Object.entries(secret))],
    ['cloned', inspect(structuredClone(secret))],
    ['in an error', String(new Error('no', { cause: secret }).cause)],
  ])('does not print itself %s', (_, printed) => {
    expect(printed).not.toContain(text.slice(8))
  })

  it('prints as [secret]', () => {
    expect([`${secret}`, JSON.stringify(secret), inspect(secret)]).toEqual([
      '[secret]',
      '"[secret]"',
      '[secret]',
    ])
  })
})
