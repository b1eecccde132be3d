// The test cases of RFC 9421, appendix B.2, and what is no signature although it looks like one.

import { createPublicKey, createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { agree, digestsOf, readDigests } from '../../src/crypto/content-digest.ts'
import { readHttpSignature } from '../../src/crypto/http-signature.ts'
import type { HttpRequest } from '../../src/crypto/http-message.ts'
import { valueOf } from '../../src/crypto/http-message.ts'
import { algorithmFor, isSignatureBy } from '../../src/crypto/signature-algorithms.ts'

const spki = (base64: string) =>
  createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })

const keys = {
  'test-key-rsa-pss': spki(
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI2wIDAQAB',
  ),
  'test-key-ed25519': spki('MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs='),
  'test-shared-secret': createSecretKey(
    Buffer.from(
      'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
      'base64',
    ),
  ),
}

const body = '{"hello": "world"}'

/** The request of appendix B.2. */
const request: HttpRequest = {
  method: 'POST',
  url: 'http://example.com/foo?param=Value&Pet=dog',
  headers: {
    Host: 'example.com',
    Date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type': 'application/json',
    'Content-Digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'Content-Length': '18',
  },
}

const cases = [
  [
    'B.2.1',
    'rsa-pss-sha512',
    'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
    'sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:',
  ],
  [
    'B.2.2',
    'rsa-pss-sha512',
    'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
    'sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:',
  ],
  [
    'B.2.3',
    'rsa-pss-sha512',
    'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    'sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:',
  ],
  [
    'B.2.5',
    'hmac-sha256',
    'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
  ],
  [
    'B.2.6',
    'ed25519',
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
  ],
] as const

const signed = (
  input: string,
  signature: string,
  more: Partial<HttpRequest> = {},
): HttpRequest => ({
  ...request,
  ...more,
  headers: { ...request.headers, ...more.headers, 'Signature-Input': input, Signature: signature },
})

test.each(cases)('RFC 9421 %s verifies by %s', (_, algorithm, input, signature) => {
  const read = readHttpSignature(signed(input, signature))
  if (!read.ok) throw new Error(read.reason)
  const key = keys[read.signature.keyid as keyof typeof keys]
  expect(algorithmFor(key)).toBe(algorithm)
  expect(isSignatureBy(key, read.signature.base, read.signature.signature)).toBe(true)
  const others = Object.values(keys).filter((other) => other !== key)
  for (const other of others) {
    expect(isSignatureBy(other, read.signature.base, read.signature.signature)).toBe(false)
  }
})

test.each(cases.slice(1))('RFC 9421 %s fails once anything that it covers is changed', (...of) => {
  const [, , input, signature] = of
  const changes: Partial<HttpRequest>[] = [
    { method: 'PUT' },
    { url: 'http://example.com/foo?param=Value&Pet=cat' },
    { url: 'http://example.org/foo?param=Value&Pet=dog' },
    { headers: { Date: 'Tue, 20 Apr 2021 02:07:56 GMT' } },
    { headers: { 'Content-Digest': 'sha-512=:AAAA:' } },
  ]
  const verdicts = changes.map((change) => {
    const read = readHttpSignature(signed(input, signature, change))
    if (!read.ok) return false
    const key = keys[read.signature.keyid as keyof typeof keys]
    return isSignatureBy(key, read.signature.base, read.signature.signature)
  })
  const covers = (name: string) => input.includes(`"${name}"`)
  const isUnchanged = [
    !covers('@method'),
    !covers('@query') && !covers('@query-param'),
    !covers('@authority'),
    !covers('date'),
    !covers('content-digest'),
  ]
  expect(verdicts).toEqual(isUnchanged)
})

const ok = 'sig=:AAAA:'
test.each([
  ['no_signature', '', ok],
  ['no_signature', 'other=("@method")', ok],
  ['ambiguous_label', 'sig=("@method"), two=("@path")', ok],
  ['duplicate_label', 'sig=("@method"), sig=("@path")', ok],
  ['duplicate_label', 'sig=("@method")', 'sig=:AAAA:, sig=:BBBB:'],
  ['malformed_signature', 'sig="@method"', ok],
  ['malformed_signature', 'sig=("@method"', ok],
  ['malformed_signature', 'sig=("@method")', 'sig=AAAA'],
  ['malformed_signature', 'sig=("@Method")', ok],
  ['malformed_signature', 'sig=(method)', ok],
  ['malformed_signature', 'sig=("date";sf)', ok],
  ['malformed_signature', 'sig=("date";bs)', ok],
  ['malformed_signature', 'sig=("@method";req)', ok],
  ['unknown_parameter', 'sig=("@method");b=1', ok],
  ['unknown_parameter', 'sig=("@method");created="1"', ok],
  ['unknown_parameter', 'sig=("@method");created=1.5', ok],
  ['unknown_parameter', 'sig=("@method");keyid=token', ok],
  ['duplicate_component', 'sig=("@method" "@method")', ok],
  ['component_not_there', 'sig=("x-missing")', ok],
  ['component_not_there', 'sig=("@status")', ok],
  ['component_not_there', 'sig=("@query-param";name="none")', ok],
  ['component_not_there', 'sig=("@signature-params")', ok],
])('%s: %s', (reason, input, signature) => {
  const read = readHttpSignature(signed(input, signature))
  expect(read.ok ? 'read' : read.reason).toBe(reason)
})

test('a component is told in one way or not at all', () => {
  const of = (name: string, change: Partial<HttpRequest>, param?: string) =>
    valueOf({ ...request, ...change }, { name, ...(param !== undefined && { param }) })
  expect(of('@authority', { url: 'HTTPS://EXAMPLE.com:443/x' })).toBe('example.com')
  expect(of('@path', { url: 'https://example.com' })).toBe('/')
  expect(of('@query', { url: 'https://example.com/x' })).toBe('?')
  expect(of('@scheme', {})).toBe('http')
  expect(of('@query-param', { url: 'https://e.com/?a=1&a=2' }, 'a')).toBeUndefined()
  expect(of('@target-uri', { url: 'ftp://example.com/' })).toBeUndefined()
  expect(of('@target-uri', { url: 'https://a@example.com/' })).toBeUndefined()
  expect(of('@target-uri', { url: 'https://example.com/#x' })).toBeUndefined()
  expect(of('x', { headers: { X: ['  a ', 'b'], x: 'c' } })).toBe('a, b, c')
  expect(of('x', { headers: { x: 'a\r\n "@method": GET' } })).toBe('a "@method": GET')
  expect(of('x', { headers: { x: 'a\n"@method": GET' } })).toBeUndefined()
})

test('a body is the one that was signed for where every digest agrees', () => {
  const field = String(request.headers['Content-Digest'])
  const stated = readDigests(field)
  expect(stated && agree(stated, digestsOf(body))).toBe(true)
  expect(stated && agree(stated, digestsOf(`${body} `))).toBe(false)
  const mixed = readDigests(`${field}, sha-256=:AAAA:`)
  expect(mixed && agree(mixed, digestsOf(body))).toBe(false)
  for (const bad of ['', 'md5=:AAAA:', 'sha-256=AAAA', 'sha-256=("a")', 'x']) {
    expect([bad, readDigests(bad)]).toEqual([bad, undefined])
  }
})
