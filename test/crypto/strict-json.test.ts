import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { parseStrictJson } from '../../src/crypto/strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

describe('strict JSON', () => {
  it.each([
    '{}',
    ' { "a" : 1 , "b" : [ { "a" : 2 } , { "a" : 3 } ] } ',
    '{"a:b":"c:d","e":"\\":{\\"x\\":1}"}',
    '{"\\\\":1,"\\"":2}',
    '{"__proto__":1,"constructor":2}',
    '{"a":{"a":{"a":null}}}',
    '{"":0}',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) })
  })

  it.each<[string, string]>([
    ['duplicate_member', '{"a":1,"a":1}'],
    ['duplicate_member', '{"a":1,"\\u0061":1}'],
    ['duplicate_member', '{"x":{"a":1,"b":2,"a":3}}'],
    ['duplicate_member', '{"x":[[{"":1,"":1}]]}'],
    ['duplicate_member', '{"__proto__":1,"__proto__":2}'],
    ['duplicate_member', '{"a":{"b":1,"c":2},"a":0}'],
    ['not_an_object', '[]'],
    ['not_an_object', '1'],
    ['not_an_object', 'null'],
    ['not_json', ''],
    ['not_json', '{"a":1,}'],
    ['not_json', "{'a':1}"],
    ['not_json', '{} {}'],
    ['not_json', '\ufeff{}'],
    ['not_json', '{"a":NaN}'],
    ['too_deep', `{"a":${'['.repeat(32)}${']'.repeat(32)}}`],
    ['too_deep', '{"a":'.repeat(33) + '1' + '}'.repeat(33)],
  ])('refuses as %s: %s', (reason, text) => {
    expect(parse(text)).toEqual({ ok: false, reason })
  })

  it.each(['ff', 'c080', 'eda080', '7b22c3227d'])('refuses bytes that are not UTF-8: %s', (hex) => {
    expect(parseStrictJson(Buffer.from(hex, 'hex'))).toEqual({ ok: false, reason: 'not_utf8' })
  })

  it('reads every object that JSON.stringify writes', () => {
    const anyObject = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 5 }))
    fc.assert(
      fc.property(anyObject, fc.constantFrom(0, 2), (given, indent) => {
        const text = JSON.stringify(given, null, indent)
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) })
      }),
    )
  })

  it('refuses every object in which a member is written once more', () => {
    const anyObject = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 })
    fc.assert(
      fc.property(anyObject, fc.jsonValue({ maxDepth: 3 }), (given, value) => {
        const [name = ''] = Object.keys(given)
        const again = `{${JSON.stringify(name)}:${JSON.stringify(value)},`
        const text = again + JSON.stringify(given).slice(1)
        expect(parse(text)).toEqual({ ok: false, reason: 'duplicate_member' })
      }),
    )
  })
})
