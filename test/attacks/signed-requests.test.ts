// verify_request: whoever receives a signed request learns whose it is, once, and only if method, address and
// body are those that were signed, by a key that still counts.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { verifyRequest } from '../../src/operations/verify-request.ts'
import { contentDigest } from '../../src/crypto/content-digest.ts'
import { signRequest } from '../../src/sign/request.ts'
import type { RequestSigner, Signing } from '../../src/sign/request.ts'
import { boundKey } from '../support/bound.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { lastEvent } from '../operations/asking.ts'

const url = 'https://api.example/orders?to=berlin'
const body = '{"pay": 100}'
const plain = { method: 'POST', url, headers: { 'content-type': 'application/json' } }

/** An agent that signs with a key, and a receiver that asks. */
async function signing(kind: Parameters<typeof boundKey>[0] = 'ed25519') {
  const w = await world()
  const { publicJwk, privateJwk } = boundKey(kind)
  const agent = await w.addAgent('payer', 'demo:*')
  const asked = { agent: agent.id, kind: 'public_key', public_jwk: publicJwk }
  const { credential_id } = await w.result(addCredential, asked)
  const receiver = await w.addAgent('shop', 'demo:read')
  return { w, agent, receiver, credentialId: credential_id, signer: { privateJwk } }
}

type Received = Readonly<Record<'method' | 'url' | 'body', string>> & {
  readonly headers: Readonly<Record<string, string>>
}

const signed = (
  w: World,
  signer: RequestSigner,
  more: Signing = {},
  request = plain,
): Received => ({
  ...request,
  headers: { ...request.headers, ...signRequest(signer, request, { body, now: w.now(), ...more }) },
  body,
})

test('a request is known to be its signer’s, by whichever kind of key', async () => {
  for (const kind of ['ed25519', 'p256', 'p384', 'rsa'] as const) {
    const { w, agent, receiver, credentialId, signer } = await signing(kind)
    const components = ['content-type']
    const received = { ...signed(w, signer, { components, tag: 'pay' }), components, tag: 'pay' }
    expect(await w.result(verifyRequest, received, receiver)).toMatchObject({
      verified: true,
      code: 'allowed',
      agent_id: agent.id,
      agent_name: 'payer',
      credential_id: credentialId,
      covered: ['"@method"', '"@target-uri"', '"content-digest"', '"content-type"'],
      tag: 'pay',
    })
    const event = await lastEvent(w)
    expect([event['target'], event['agent_id']]).toEqual([agent.id, receiver.id])
  }
})

test('a secret signs too, without being told: HMAC by a key that it gives', async () => {
  const w = await world()
  const agent = await w.addAgent('payer', 'demo:*')
  const receiver = await w.addAgent('shop', 'demo:read')
  const signer = { secret: agent.secret, credentialId: agent.credentialId }
  const ask = () => w.result(verifyRequest, signed(w, signer), receiver)
  // Kept from its first use on.
  expect(await ask()).toMatchObject({ verified: false, reason: 'unknown_key' })
  await w.result(verifyRequest, signed(w, signer), agent)
  expect(await ask()).toMatchObject({
    verified: true,
    algorithm: 'hmac-sha256',
    agent_id: agent.id,
  })
  const forged = { secret: w.local.secret, credentialId: agent.credentialId }
  expect(await w.result(verifyRequest, signed(w, forged), receiver)).toMatchObject({
    verified: false,
    reason: 'wrong_signature',
  })
  expect(JSON.stringify(await w.tables())).not.toContain(agent.secret)
})

test('what differs from what was signed is not verified, and why is told to the receiver', async () => {
  const { w, receiver, signer } = await signing()
  const { headers, ...whole } = signed(w, signer)
  const { 'content-digest': digest, ...undigested } = headers
  const get = { method: 'GET', url, headers: {} }
  const bodiless = {
    ...get,
    headers: signRequest(signer, get, { now: w.now() }),
  }
  const narrow = String(headers['signature-input']).replace('"@method" ', '')
  const withoutTarget = String(headers['signature-input']).replace('"@target-uri" ', '')
  const rows: readonly (readonly [string, object])[] = [
    ['wrong_signature', { method: 'PUT' }],
    ['wrong_signature', { url: 'https://api.example/orders?to=paris' }],
    ['wrong_signature', { url: 'https://evil.example/orders?to=berlin' }],
    ['digest_mismatch', { body: '{"pay": 999}' }],
    ['digest_mismatch', { body: undefined, body_digest: contentDigest('other') }],
    [
      'wrong_signature',
      { headers: { ...headers, 'content-digest': contentDigest('other') }, body: 'other' },
    ],
    ['component_not_there', { headers: undigested }],
    ['body_not_told', { body: undefined }],
    ['body_told_twice', { body_digest: digest }],
    ['malformed_digest', { body: undefined, body_digest: 'md5=:AAAA:' }],
    ['component_not_covered', { components: ['authorization'] }],
    ['wrong_tag', { tag: 'other' }],
    ['method_not_covered', { headers: { ...headers, 'signature-input': narrow } }],
    ['target_not_covered', { headers: { ...headers, 'signature-input': withoutTarget } }],
    ['body_not_covered', { ...bodiless, body: 'put in afterwards' }],
    ['no_signature', { headers: {} }],
    ['no_signature', { label: 'other' }],
    ['unknown_key', changedInput(headers, /keyid="[^"]*"/, 'keyid="AAAA"')],
    ['wrong_signature', changedInput(headers, /keyid="[^"]*"/, `keyid="${w.admin.credentialId}"`)],
    ['alg_does_not_fit', changedInput(headers, /;created/, ';alg="hmac-sha256";created')],
    ['wrong_signature', changedInput(headers, /;created/, ';alg="ed25519";created')],
    ['no_nonce', changedInput(headers, /;nonce="[^"]*"/, '')],
    ['no_nonce', changedInput(headers, /nonce="[^"]*"/, 'nonce="1"')],
    ['no_keyid', changedInput(headers, /;keyid="[^"]*"/, '')],
    ['no_created', changedInput(headers, /;created=\d+/, '')],
    ['too_old', signed(w, signer, { now: w.now() - 300 })],
    ['created_in_future', signed(w, signer, { now: w.now() + 61 })],
    ['expired', signed(w, signer, { now: w.now() - 10, expiresIn: 10 })],
    [
      'duplicate_label',
      { headers: { ...headers, signature: [headers.signature, headers.signature] } },
    ],
  ]
  const met: unknown[] = []
  for (const [, change] of rows) {
    const asked = Object.entries({ ...whole, headers, ...change }).filter(
      ([, v]) => v !== undefined,
    )
    met.push((await w.result(verifyRequest, Object.fromEntries(asked), receiver)).reason)
  }
  expect(met).toEqual(rows.map(([reason]) => reason))
  expect(await w.result(verifyRequest, { ...whole, headers }, receiver)).toMatchObject({
    verified: true,
  })
})

test('a request counts once for its receiver: not again, not raced, not in another process', async () => {
  const { w, receiver, signer } = await signing()
  const received = signed(w, signer)
  const other = await w.startProcess()
  const racing = [w.context, other, w.context, other].map((context) =>
    w.result(verifyRequest, received, receiver, { in: context }),
  )
  const verdicts = await Promise.all(racing)
  expect(verdicts.filter(({ verified }) => verified)).toHaveLength(1)
  expect(verdicts.filter(({ code }) => code === 'replay_detected')).toHaveLength(3)
  // A dry run spends nothing, and nobody spends it for another receiver.
  const fresh = signed(w, signer)
  const dry = await w.result(verifyRequest, { ...fresh, dry_run: true }, receiver)
  expect([dry.verified, dry.dry_run]).toEqual([true, true])
  expect((await w.result(verifyRequest, fresh, w.local)).verified).toBe(true)
  expect((await w.result(verifyRequest, fresh, receiver)).verified).toBe(true)
})

test('a key counts as long as its agent and credential do, and in its own organisation only', async () => {
  const { w, agent, receiver, credentialId, signer } = await signing()
  const ask = async (as = receiver) => (await w.result(verifyRequest, signed(w, signer), as)).reason
  const { admin } = await w.addOrg('other')
  expect([await ask(), await ask(admin)]).toEqual([undefined, 'unknown_key'])
  await w.result(setAgentStatus, { agent: agent.id, status: 'suspended', cause: 'x' })
  expect(await ask()).toBe('unknown_key')
  await w.result(setAgentStatus, { agent: agent.id, status: 'active', cause: 'x' })
  expect(await ask()).toBeUndefined()
  await w.result(revokeCredential, { credential_id: credentialId, cause: 'x' })
  expect(await ask()).toBe('unknown_key')
})

test('a secret that its agent may not authenticate by signs nothing either, nor does such a key', async () => {
  const { w, agent, receiver, signer } = await signing()
  const secret = { secret: agent.secret, credentialId: agent.credentialId }
  const ask = async (by: RequestSigner) =>
    (await w.result(verifyRequest, signed(w, by), receiver)).reason
  await w.result(verifyRequest, signed(w, signer), agent)
  expect([await ask(secret), await ask(signer)]).toEqual([undefined, undefined])
  await w.result(updateAgent, { agent: agent.id, sensitivity: 'high' })
  expect([await ask(secret), await ask(signer)]).toEqual(['unknown_key', undefined])
  await w.result(updateAgent, { agent: agent.id, auth_methods: ['x509'] })
  expect(await ask(signer)).toBe('unknown_key')
})

test('a sealed key that was moved to another credential opens for none', async () => {
  const w = await world()
  const agent = await w.addAgent('payer', 'demo:*')
  const signer = { secret: agent.secret, credentialId: w.local.credentialId }
  await w.result(verifyRequest, signed(w, signer), agent)
  const moved = `update request_keys set credential_id = '${w.local.credentialId}'`
  await w.tamper(`${moved} where credential_id = '${agent.credentialId}'`)
  expect(await w.result(verifyRequest, signed(w, signer))).toMatchObject({ reason: 'unknown_key' })
})

const changedInput = (headers: Received['headers'], from: RegExp, to: string) => ({
  headers: { ...headers, 'signature-input': String(headers['signature-input']).replace(from, to) },
})
