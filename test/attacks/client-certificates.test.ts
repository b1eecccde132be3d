// What comes with the wrong certificate, or with another's: each failure has its own reason in the audit, whoever
// an authority did issue to is told, and everyone else learns nothing.

import { generateKeyPairSync } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { makeRevocationList, pemOf } from '../../src/crypto/x509/issue.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { getAgent } from '../../src/operations/get-agent.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { registerTrustAnchor } from '../../src/operations/register-trust-anchor.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeTrustAnchor } from '../../src/operations/revoke-trust-anchor.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { certify, clientAuth, ecKey, serverAuth } from '../support/certificates.ts'
import type { Made, Wanted } from '../support/certificates.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { enters, minted } from './attack.ts'

const whoami = whoamiAmong(() => [])
const day = 86_400

const over = (...chain: readonly Made[]): Presented => ({
  kind: 'certificate',
  presentedChain: chain.map(({ der }) => der),
})

/** An organisation that believes one authority, and an agent told by a URI under it. */
async function certified(told: Record<string, unknown> = { san_uri: 'urn:agents:one' }) {
  const w = await world()
  const crlFile = join(w.home, 'crl.pem')
  const context = await w.startProcess({ crlFiles: [crlFile] })
  const life = { notBefore: w.now() - day, notAfter: w.now() + 30 * day }
  const ca = certify({ ...life, name: 'authority', isCa: true })
  await w.result(registerTrustAnchor, { name: 'corp', certificate: ca.pem })
  const publish = (revoked: readonly Made[] = [], by = ca, nextUpdate = w.now() + day) => {
    const list = { number: 1, thisUpdate: w.now() - 60, nextUpdate }
    const entries = revoked.map(({ serial }) => ({ serial, at: w.now() }))
    const authority = { certificate: by.der, privateKey: by.privateKey }
    const der = makeRevocationList(authority, { ...list, revoked: entries })
    writeFileSync(crlFile, pemOf('X509 CRL', der))
  }
  publish()
  const leaf = (change: Partial<Wanted> = {}) =>
    certify({ ...life, name: 'one', by: ca, uris: ['urn:agents:one'], ...change })
  const add = { agent: 'local', kind: 'x509', anchor: 'corp' }
  const { credential_id } = await w.result(addCredential, { ...add, ...told })
  const here = { in: context }
  return { w, context, here, ca, life, leaf, publish, crlFile, add, credentialId: credential_id }
}

/** The newest refusal of whoami: what the audit knows that the caller was not told. */
async function audited({ w, context }: { w: World; context: World['context'] }) {
  await context.audit.flush()
  const { events } = await w.result(queryAudit, { operation: 'whoami', outcome: 'refused' })
  return events[0]
}

describe('a sound one lets its agent in', () => {
  test('told by a URI, with its intermediate', async () => {
    const { w, here, leaf, ca, life, publish, crlFile } = await certified()
    expect(await w.result(whoami, {}, over(leaf()), here)).toMatchObject({
      agent: { id: w.local.id },
      method: 'x509',
      warnings: [],
    })
    const middle = certify({ ...life, name: 'middle', by: ca, isCa: true })
    publish([], middle)
    const below = leaf({ by: middle })
    // The list of the root is gone with this: each authority of the path needs its own.
    expect(await enters(w, over(below, middle), here)).toBe('invalid_client')
    const both = await w.startProcess({ crlFiles: [crlFile, join(w.home, 'root.pem')] })
    renameSync(crlFile, join(w.home, 'root.pem'))
    publish()
    expect(await enters(w, over(below, middle), { in: both })).toBe('allowed')
  })

  test('told by its whole subject', async () => {
    const { w, here, leaf } = await certified({ subject_dn: 'CN=one' })
    expect(await enters(w, over(leaf({ uris: [] })), here)).toBe('allowed')
    expect(await enters(w, over(leaf({ uris: [], name: 'one,O=more' })), here)).toBe(
      'invalid_client',
    )
  })

  test('told by its key, whatever the authority says besides', async () => {
    const { w, here, ca, life, add } = await certified()
    const privateKey = ecKey()
    const first = certify({ ...life, by: ca, privateKey })
    await w.result(addCredential, { ...add, certificate: first.pem })
    const renewed = certify({ ...life, name: 'renamed', by: ca, privateKey })
    expect(await enters(w, over(first), here)).toBe('allowed')
    expect(await enters(w, over(renewed), here)).toBe('allowed')
    expect(await enters(w, over(certify({ ...life, by: ca })), here)).toBe('invalid_client')
  })

  test('told by a URI of its own, by default', async () => {
    const { w, here, leaf, add } = await certified()
    const { credential_id } = await w.result(addCredential, add)
    const { credentials } = await w.result(listCredentials, { agent: 'local' })
    const told = credentials.find(({ id }) => id === credential_id)
    expect(told).toMatchObject({ anchor: 'corp', told_by: { by: 'san_uri' } })
    const uri = told?.told_by?.value ?? ''
    expect(uri).toContain(credential_id)
    expect(await enters(w, over(leaf({ uris: [uri] })), here)).toBe('allowed')
  })
})

describe('issued, but no good: known, told why, and named in the audit', () => {
  type Given = Awaited<ReturnType<typeof certified>>
  const rows: readonly [string, (given: Given) => Made | Promise<Made>][] = [
    ['certificate_expired', ({ leaf, w }) => leaf({ notAfter: w.now() })],
    ['certificate_not_yet_valid', ({ leaf, w }) => leaf({ notBefore: w.now() + 1 })],
    ['certificate_not_for_clients', ({ leaf }) => leaf({ extended: [serverAuth] })],
    ['certificate_not_for_clients', ({ leaf }) => leaf({ extended: undefined })],
    ['certificate_key_usage', ({ leaf }) => leaf({ usage: 4 })],
    [
      'certificate_revoked',
      ({ leaf, publish }) => {
        const revoked = leaf()
        publish([revoked])
        return revoked
      },
    ],
    [
      'certificate_revoked',
      ({ leaf, publish, ca, w }) => {
        const revoked = leaf()
        publish([revoked], ca, w.now() - 1)
        return revoked
      },
    ],
    [
      'crl_missing',
      ({ leaf, crlFile }) => {
        rmSync(crlFile)
        return leaf()
      },
    ],
    [
      'crl_missing',
      ({ leaf, crlFile }) => {
        writeFileSync(crlFile, 'not a list')
        return leaf()
      },
    ],
    [
      'crl_missing',
      ({ leaf, publish, life }) => {
        publish([], certify({ ...life, name: 'authority', isCa: true }))
        return leaf()
      },
    ],
    [
      'crl_stale',
      ({ leaf, publish, ca, w }) => {
        publish([], ca, w.now())
        return leaf()
      },
    ],
    [
      'issuer_expired',
      ({ leaf, w }) => {
        const made = leaf({ notAfter: w.now() + 60 * day })
        w.pass(30 * day)
        return made
      },
    ],
  ]
  test.each(rows)('%s', async (reason, make) => {
    const given = await certified()
    const made = await make(given)
    const refusal = await given.w.refusal(whoami, {}, over(made), given.here)
    expect(refusal).toMatchObject({
      code: 'invalid_client',
      message: `The client certificate is refused: ${reason}.`,
    })
    expect(await audited(given)).toMatchObject({
      agent_id: given.w.local.id,
      presented: { method: 'x509', credential_id: given.credentialId },
      detail: { reason },
    })
  })
})

describe('of strangers: one answer, whatever was wrong', () => {
  type Given = Awaited<ReturnType<typeof certified>>
  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const unknown = '1.2.3.4.5'
  const rows: readonly [string, string, (given: Given) => readonly Made[]][] = [
    ['signed by itself', 'certificate_untrusted', ({ leaf }) => [certifySelf(leaf())]],
    [
      'another authority of the same name',
      'certificate_untrusted',
      ({ leaf, life }) => {
        const by = certify({ ...life, name: 'authority', isCa: true })
        return [leaf({ by }), by]
      },
    ],
    [
      'signed by itself, and expired',
      'certificate_untrusted',
      ({ leaf, w }) => [certifySelf(leaf({ notAfter: w.now() }), { notAfter: w.now() })],
    ],
    [
      'expired, of an authority made by a client',
      'issuer_is_no_authority',
      ({ leaf, life, w }) => {
        const client = leaf({ name: 'client' })
        const by = certify({ ...life, name: 'made', by: client, isCa: true, notAfter: w.now() })
        return [leaf({ by, notAfter: w.now() }), by, client]
      },
    ],
    [
      'nobody told by it',
      'certificate_unknown',
      ({ leaf }) => [leaf({ uris: ['urn:agents:two'] })],
    ],
    ['no URI', 'certificate_unknown', ({ leaf }) => [leaf({ uris: [] })]],
    [
      'a client as authority',
      'issuer_is_no_authority',
      ({ leaf }) => {
        const by = leaf({ name: 'client' })
        return [leaf({ by }), by]
      },
    ],
    [
      'an authority that may not sign',
      'issuer_key_usage',
      ({ leaf, life, ca }) => {
        const by = certify({ ...life, name: 'middle', by: ca, isCa: true, usage: 2 })
        return [leaf({ by }), by]
      },
    ],
    [
      'an authority for servers',
      'issuer_not_for_clients',
      ({ leaf, life, ca }) => {
        const by = certify({ ...life, name: 'middle', by: ca, isCa: true, extended: [serverAuth] })
        return [leaf({ by }), by]
      },
    ],
    [
      'a path longer than an authority allows',
      'path_too_long',
      ({ leaf, life, ca }) => {
        const first = certify({ ...life, name: 'first', by: ca, isCa: true, pathLength: 0 })
        const second = certify({ ...life, name: 'second', by: first, isCa: true })
        return [leaf({ by: second }), second, first]
      },
    ],
    [
      'a missing intermediate',
      'certificate_untrusted',
      ({ leaf, life, ca }) => {
        const by = certify({ ...life, name: 'middle', by: ca, isCa: true })
        return [leaf({ by })]
      },
    ],
    [
      'an authority itself',
      'certificate_is_an_authority',
      ({ leaf }) => [leaf({ isCa: true, extended: [clientAuth] })],
    ],
    [
      'an unknown critical extension',
      'certificate_critical_extension',
      ({ leaf }) => [leaf({ extra: [[unknown, true]] })],
    ],
    [
      'name constraints',
      'certificate_name_constraints',
      ({ leaf }) => [leaf({ extra: [['2.5.29.30', false]] })],
    ],
    [
      'an extension twice',
      'certificate_extension_twice',
      ({ leaf }) => [leaf({ extra: [['2.5.29.19', false]] })],
    ],
    ['version 1', 'certificate_version', ({ leaf }) => [leaf({ version: 0 })]],
    [
      'a signature by SHA-1',
      'certificate_weak_signature',
      ({ leaf }) => [leaf({ algorithm: '1.2.840.10045.4.1' })],
    ],
    ['RSA of 1024 bits', 'certificate_weak_key', ({ leaf }) => [leaf({ privateKey: rsa1024 })]],
    [
      'something else',
      'certificate_malformed',
      ({ leaf }) => [{ ...leaf(), der: Buffer.from('x') }],
    ],
    [
      'one with something behind it',
      'certificate_malformed',
      ({ leaf }) => {
        const made = leaf()
        return [{ ...made, der: Buffer.concat([made.der, Buffer.from([0])]) }]
      },
    ],
    ['nothing at all', 'no_certificate', () => []],
  ]
  const certifySelf = (like: Made, change: Partial<Wanted> = {}): Made =>
    certify({ name: like.name, uris: ['urn:agents:one'], notBefore: 0, notAfter: 2e9, ...change })
  test('and nobody is named', async () => {
    const given = await certified()
    for (const [what, reason, make] of rows) {
      const refusal = await given.w.refusal(whoami, {}, over(...make(given)), given.here)
      expect({ what, ...refusal.toError() }).toEqual({
        what,
        code: 'invalid_client',
        message: 'The caller could not be authenticated.',
        remedy: { text: expect.stringContaining('Present exactly one credential') },
      })
      const event = await audited(given)
      expect({ what, ...event }).toMatchObject({ what, detail: { reason } })
      expect(event).not.toHaveProperty('agent_id')
    }
  })
})

describe('whose a certificate is', () => {
  test('is told only under the anchor that the credential names', async () => {
    const given = await certified()
    const { w, here, life } = given
    const other = certify({ ...life, name: 'other', isCa: true })
    await w.result(registerTrustAnchor, { name: 'other', certificate: other.pem, crl: 'none' })
    await w.addAgent('two', 'demo:read')
    const two = { agent: 'two', kind: 'x509', anchor: 'other', san_uri: 'urn:agents:two' }
    await w.result(addCredential, two)
    const forged = certify({ ...life, by: other, uris: ['urn:agents:one'] })
    expect(await enters(w, over(forged), here)).toBe('invalid_client')
    expect(await audited(given)).toMatchObject({ detail: { reason: 'certificate_untrusted' } })
    const own = certify({ ...life, by: other, uris: ['urn:agents:two'] })
    expect(await w.result(whoami, {}, over(own), here)).toMatchObject({ agent: { name: 'two' } })
  })

  test('must not be two agents’', async () => {
    const given = await certified()
    const { w, here, leaf, add } = given
    await w.addAgent('two', 'demo:read')
    await w.result(addCredential, { ...add, agent: 'two', san_uri: 'urn:agents:two' })
    const both = leaf({ uris: ['urn:agents:one', 'urn:agents:two'] })
    expect(await enters(w, over(both), here)).toBe('invalid_client')
    expect(await audited(given)).toMatchObject({ detail: { reason: 'certificate_ambiguous' } })
  })

  test('is not for an agent to say: neither by a name, nor by a key under no authority', async () => {
    const { w, life, add } = await certified()
    const thief = await w.addAgent('thief', 'demo:read')
    const own = { ...add, agent: 'thief' }
    for (const name of [{ san_uri: 'urn:agents:two' }, { subject_dn: 'CN=two' }]) {
      expect(await w.refusal(addCredential, { ...own, ...name }, thief)).toMatchObject({
        code: 'insufficient_scope',
        detail: { missing: ['credentials:create'] },
      })
    }
    const crafted = certify({ ...life, name: 'two', privateKey: ecKey() })
    const bringing = { ...own, certificate: crafted.pem }
    expect((await w.refusal(addCredential, bringing, thief)).code).toBe('invalid_request')
    await w.result(addCredential, own, thief)
  })

  test('is claimed once, for good', async () => {
    const { w, add, credentialId } = await certified()
    const again = { ...add, san_uri: 'urn:agents:one' }
    expect(await w.refusal(addCredential, again)).toMatchObject({ code: 'conflict' })
    await w.result(revokeCredential, { credential_id: credentialId, cause: 'test' })
    expect(await w.refusal(addCredential, again)).toMatchObject({ code: 'conflict' })
  })

  test('is not known to another organisation, nor are its anchors', async () => {
    const { w } = await certified()
    const { admin } = await w.addOrg('other')
    const asked = { agent: 'admin', kind: 'x509', anchor: 'corp' }
    expect(await w.refusal(addCredential, asked, admin)).toMatchObject({ code: 'not_found' })
  })
})

describe('what ends it', () => {
  test('the anchor, at the next call', async () => {
    const given = await certified()
    const { w, here, leaf } = given
    const made = leaf()
    expect(await enters(w, over(made), here)).toBe('allowed')
    await w.result(revokeTrustAnchor, { anchor: 'corp', cause: 'test' })
    expect(await enters(w, over(made), here)).toBe('invalid_client')
    expect(await audited(given)).toMatchObject({ detail: { reason: 'anchor_revoked' } })
  })

  test('the credential, and a rotation when its overlap is over', async () => {
    const { w, here, leaf, credentialId } = await certified()
    const asked = { credential_id: credentialId, san_uri: 'urn:agents:next', overlap_seconds: 100 }
    await w.result(rotateCredential, asked)
    const next = leaf({ uris: ['urn:agents:next'] })
    for (const made of [leaf(), next]) expect(await enters(w, over(made), here)).toBe('allowed')
    w.pass(100)
    expect(await enters(w, over(leaf()), here)).toBe('invalid_client')
    expect(await enters(w, over(next), here)).toBe('allowed')
  })

  test('its time, of which it is reminded when a third is left', async () => {
    const { w, here, leaf } = await certified()
    const made = leaf({ notBefore: w.now(), notAfter: w.now() + 900 })
    expect(await w.result(whoami, {}, over(made), here)).toMatchObject({ warnings: [] })
    expect(await w.result(getAgent, { agent: 'local' })).toMatchObject({
      next_rotation_at: w.now() + 600,
    })
    w.pass(600)
    const { warnings } = await w.result(whoami, {}, over(made), here)
    expect(warnings).toEqual([expect.stringContaining('renew it')])
    const renewed = leaf({ notBefore: w.now(), notAfter: w.now() + 900 })
    expect(await w.result(whoami, {}, over(renewed), here)).toMatchObject({ warnings: [] })
    expect(await enters(w, over(made), here)).toBe('allowed')
    expect(await w.result(getAgent, { agent: 'local' })).toMatchObject({
      next_rotation_at: w.now() + 600,
    })
    w.pass(300)
    expect(await enters(w, over(made), here)).toBe('invalid_client')
    expect(await enters(w, over(renewed), here)).toBe('allowed')
  })
})

describe('a token that a certificate minted', () => {
  const through = (token: string, ...chain: readonly Made[]): Presented => ({
    kind: 'token',
    presentedToken: token,
    over: {
      scheme: 'Bearer',
      method: 'POST',
      url: 'https://remit.example/operations/whoami',
      ...(chain.length > 0 && { presentedChain: chain.map(({ der }) => der) }),
    },
  })

  test('is worth nothing without that very one, while it is believed', async () => {
    const { w, here, leaf, publish } = await certified()
    const made = leaf()
    const { text } = await minted(w, over(made), { scopes: ['demo:read'] }, here)
    const claims = JSON.parse(
      Buffer.from(text.split('.')[1] ?? '', 'base64url').toString(),
    ) as object
    expect(claims).toMatchObject({ cnf: { 'x5t#S256': expect.any(String) } })
    expect(await enters(w, through(text, made), here)).toBe('allowed')
    expect(await enters(w, through(text), here)).toBe('invalid_token')
    expect(await enters(w, through(text, leaf()), here)).toBe('invalid_token')
    expect(await enters(w, { kind: 'token', presentedToken: text }, here)).toBe('invalid_token')
    const inMeta = async (header?: Presented) => {
      const meta = { 'dev.remit/token': text }
      const request = { ...here, meta, ...(header !== undefined && { header }) }
      const answer = await w.call(whoami, {}, { kind: 'nothing' }, request)
      return answer.ok ? 'allowed' : answer.refusal.code
    }
    expect(await inMeta(over(made))).toBe('allowed')
    expect(await inMeta(over(leaf()))).toBe('invalid_token')
    expect(await inMeta()).toBe('invalid_token')
    publish([made])
    expect(await inMeta(over(made))).toBe('invalid_token')
    expect(await enters(w, through(text, made), here)).toBe('invalid_token')
  })
})

describe('what is no credential’s', () => {
  test.each<[string, Record<string, unknown>]>([
    ['no anchor', { anchor: undefined }],
    ['two ways of telling', { san_uri: 'urn:a', subject_dn: 'CN=a' }],
    ['no certificate', { certificate: 'a certificate' }],
    ['a certificate beside a secret', { kind: 'secret' }],
    ['a key', { public_jwk: {} }],
  ])('%s', async (_, change) => {
    const { w, add } = await certified()
    const asked = { ...add, ...change }
    expect(await w.refusal(addCredential, asked)).toMatchObject({ code: 'invalid_request' })
  })

  test('an authority that is none, or a private key in its place', async () => {
    const { w, leaf } = await certified()
    const asked = { name: 'next', certificate: leaf().pem }
    expect(await w.refusal(registerTrustAnchor, asked)).toMatchObject({ code: 'invalid_request' })
    const pem = String(ecKey().export({ format: 'pem', type: 'pkcs8' }))
    expect(await w.refusal(registerTrustAnchor, { name: 'next', certificate: pem })).toMatchObject({
      message: 'certificate holds a private key; it was kept nowhere.',
    })
  })
})
