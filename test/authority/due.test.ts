// What `remit doctor` names in time: credentials, trust anchors and lists of revoked certificates that are due,
// and keys that never end.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dueAnchors } from '../../src/authority/due-anchors.ts'
import { dueCredentials } from '../../src/authority/due-credentials.ts'
import type { Finding } from '../../src/authority/finding.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { makeRevocationList } from '../../src/crypto/x509/issue.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { registerTrustAnchor } from '../../src/operations/register-trust-anchor.ts'
import { revokeTrustAnchor } from '../../src/operations/revoke-trust-anchor.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { whoami } from '../operations/asking.ts'
import { certify } from '../support/certificates.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const day = 86_400
const looked = ({ context: { store, live, now } }: World) => ({ store, live, now: now() })
const said = (findings: readonly Finding[]) =>
  findings.map(({ state, text }) => `${state}: ${text}`)
const at = (seconds: number) => new Date(seconds * 1000).toISOString()

test('secrets are named a week before their rotation is due, and after it', async () => {
  const w = await world()
  const due = at(w.now() + 30 * day)
  const of = (state: string) => [
    `warning: secret ${w.admin.credentialId} of admin ${state} due for replacement at ${due}`,
    `warning: secret ${w.local.credentialId} of local ${state} due for replacement at ${due}`,
  ]
  w.pass(23 * day - 1)
  expect(said(await dueCredentials(looked(w)))).toEqual(['ok: none is due within a week'])
  w.pass(1)
  expect(said(await dueCredentials(looked(w)))).toEqual(of('is'))
  w.pass(7 * day)
  expect(said(await dueCredentials(looked(w)))).toEqual(of('was'))
  await w.result(setAgentStatus, { agent: 'local', status: 'retired', cause: 'c' })
  expect(said(await dueCredentials(looked(w)))).toEqual(of('was').slice(0, 1))
})

test('an API key is named when it never ends, is about to, or has ended without a successor', async () => {
  const w = await world()
  const add = async (expires_at: number | 'never') => {
    const asked = { agent: 'local', kind: 'api_key', scopes: ['demo:read'], expires_at }
    const { credential_id: id } = await w.result(addCredential, { ...asked, delivery: 'meta' })
    return id
  }
  const end = w.now() + 8 * day
  const [never, brief] = [await add('never'), await add(end)]
  const name = (id: string) => `warning: api_key ${id} of local`
  expect(said(await dueCredentials(looked(w)))).toEqual([`${name(never)} never ends`])
  w.pass(day)
  const both = [`${name(never)} never ends`, `${name(brief)} ends at ${at(end)}`]
  expect(said(await dueCredentials(looked(w)))).toEqual(both)
  w.pass(7 * day)
  expect(said(await dueCredentials(looked(w)))).toEqual([
    `${name(never)} never ends`,
    `${name(brief)} ended at ${at(end)} without a successor`,
  ])
})

/** An authority for 100 days, and an agent that came with a certificate of it, for a day. */
async function certified() {
  const w = await world()
  const crlFile = join(w.home, 'crl.der')
  const context = await w.startProcess({ crlFiles: [crlFile] })
  const notBefore = w.now()
  const ca = certify({ notBefore, notAfter: notBefore + 100 * day, name: 'authority', isCa: true })
  await w.result(registerTrustAnchor, { name: 'corp', certificate: ca.pem })
  const publish = () => {
    const list = { number: 1, thisUpdate: w.now(), nextUpdate: w.now() + 6 * day, revoked: [] }
    const authority = { certificate: ca.der, privateKey: ca.privateKey }
    writeFileSync(crlFile, makeRevocationList(authority, list))
  }
  publish()
  const told = { agent: 'local', kind: 'x509', anchor: 'corp', san_uri: 'urn:agents:one' }
  const { credential_id: id } = await w.result(addCredential, told)
  const life = { notBefore, notAfter: notBefore + day }
  const { der } = certify({ ...life, name: 'one', by: ca, uris: ['urn:agents:one'] })
  const presented: Presented = { kind: 'certificate', presentedChain: [der] }
  await w.result(whoami, {}, presented, { in: context })
  const anchors = (files = [crlFile]) => said(dueAnchors(looked(w), files))
  return { w, id, notBefore, crlFile, publish, anchors }
}

test('a certificate is named by when it should be renewed, and when it has ended', async () => {
  const { w, id, notBefore } = await certified()
  const own = async () =>
    said(await dueCredentials(looked(w))).filter((text) => text.includes('x509'))
  const name = `warning: x509 ${id} of local`
  w.pass((day * 2) / 3)
  const due = at(notBefore + (day * 2) / 3)
  expect(await own()).toEqual([`${name} was due for replacement at ${due}`])
  w.pass(day / 3)
  const end = at(notBefore + day)
  expect(await own()).toEqual([`${name} was last proven by a certificate that ended at ${end}`])
})

test('a trust anchor and its list are named before they end, and after it', async () => {
  const { w, notBefore, crlFile, publish, anchors } = await certified()
  const fine = ['ok: none ends within 30 days, and their lists are current']
  expect(anchors()).toEqual(fine)
  expect(anchors([])).toEqual([
    'problem: corp has no list of revoked certificates in REMIT_CRL_FILES',
  ])
  w.pass(4 * day)
  const end = at(notBefore + 6 * day)
  expect(anchors()).toEqual([`warning: ${crlFile} is due for its successor: it ends at ${end}`])
  w.pass(2 * day)
  expect(anchors()).toEqual([`problem: ${crlFile} ended at ${end}; get the next one`])
  publish()
  expect(anchors()).toEqual(fine)
  w.pass(64 * day)
  publish()
  const over = at(notBefore + 100 * day)
  expect(anchors()).toEqual([`warning: corp ends at ${over}; register its successor in time`])
  w.pass(30 * day)
  publish()
  expect(anchors()).toEqual([`problem: corp ended at ${over}; register its successor`])
  await w.result(revokeTrustAnchor, { anchor: 'corp', cause: 'c' })
  expect(anchors()).toEqual([])
})
