// `remit ca`: the embedded authority. What it issues is short-lived and says one URI, which a credential of the
// agent is told by; that credential, and so what the agent may do, is made by the usual operations.

import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  aloneInCa,
  backdated,
  createCa,
  publishList,
  readCa,
  readIndex,
} from '../authority/ca-folder.ts'
import { writeIndex } from '../authority/ca-folder.ts'
import { replacePrivateFile } from '../authority/private-file.ts'
import type { CaAsked, CaIssued, Session } from '../cli/host.ts'
import { Refusal } from '../core/refusal.ts'
import { checkPublicJwk } from '../crypto/public-key.ts'
import { readCertificate } from '../crypto/x509/certificate.ts'
import { issueCertificate, pemOf } from '../crypto/x509/issue.ts'
import { ask } from './ask.ts'

const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** Makes the authority and registers it as a trust anchor of the caller's organisation. */
export async function initCa(session: Session, home: string, name: string, days: number) {
  const { context } = session
  const { certificate } = createCa(home, { name, privateKey: ecKey(), now: context.now() })
  const pem = pemOf('CERTIFICATE', certificate)
  const { anchor_id, expires_at } = await ask(session, 'register_trust_anchor', {
    name,
    certificate: pem,
  })
  const crl_file = publishList(home, context.now(), days)
  return { anchor_id, name, expires_at, crl_file }
}

/** A credential for the agent and a certificate that it is told by; or another one for the same credential. */
export const issueFor = (session: Session, home: string, asked: CaAsked): Promise<CaIssued> =>
  aloneInCa(home, async () => {
    const { pem, ...authority } = readCa(home)
    const { agent, credential } = asked
    const { id: agentId } = await ask(session, 'get_agent', { agent })
    const credentialId =
      credential ??
      (await ask(session, 'add_credential', { agent, kind: 'x509', anchor: pem }))['credential_id']
    const told = await toldBy(session, agent, String(credentialId))
    const now = session.context.now()
    const privateKey = asked.publicKey === undefined ? ecKey() : undefined
    const publicKey = privateKey ? createPublicKey(privateKey) : publicKeyIn(asked.publicKey ?? '')
    const der = issueCertificate(authority, {
      name: String(agentId),
      uri: told,
      publicKey,
      notBefore: now - backdated,
      notAfter: now + asked.hours * 3600,
    })
    const read = readCertificate(der)
    if (!read.ok)
      throw new Refusal('server_error', { message: 'The certificate came out malformed.' })
    const { serial, notAfter } = read.certificate
    const index = readIndex(home)
    const entry = {
      serial,
      agent_id: String(agentId),
      credential_id: String(credentialId),
      not_after: notAfter,
    }
    // Known before it can be used: what is not in the index could never be revoked.
    writeIndex(home, {
      ...index,
      issued: [...index.issued.filter((e) => e.not_after > now), entry],
    })
    const files = place(asked, String(agentId), der, privateKey)
    return { ...entry, ...files }
  })

/** Certificates of a credential, or the one of a serial, are on the list from now on. */
export const revokeIssued = (
  session: Session,
  home: string,
  meant: { readonly serial?: string; readonly credential?: string },
  days: number,
) =>
  aloneInCa(home, async () => {
    const now = session.context.now()
    const index = readIndex(home)
    const isMeant = (each: (typeof index.issued)[number]) =>
      each.serial === meant.serial || each.credential_id === meant.credential
    const found = index.issued.filter((each) => isMeant(each) && each.revoked_at === undefined)
    if (found.length === 0) {
      throw new Refusal('not_found', { message: 'No certificate in force is known by that.' })
    }
    const issued = index.issued.map((each) =>
      found.includes(each) ? { ...each, revoked_at: now } : each,
    )
    writeIndex(home, { ...index, issued })
    return { revoked: found.map(({ serial }) => serial), crl_file: publishList(home, now, days) }
  })

export const publish = ({ context }: Session, home: string, days: number) =>
  aloneInCa(home, () => Promise.resolve({ crl_file: publishList(home, context.now(), days) }))

async function toldBy(session: Session, agent: string, credentialId: string): Promise<string> {
  const { credentials } = await ask(session, 'list_credentials', { agent })
  const found = (credentials as readonly Record<string, unknown>[]).find(
    (c) => c['id'] === credentialId,
  )
  const { by, value } = (found?.['told_by'] ?? {}) as { by?: string; value?: string }
  if (found?.['status'] === 'active' && by === 'san_uri' && value !== undefined) return value
  throw new Refusal('conflict', {
    message: 'That is no active x509 credential of the agent that is told by a URI.',
  })
}

function publicKeyIn(file: string): KeyObject {
  const key = createPublicKey(readFileSync(resolve(file)))
  const checked = checkPublicJwk(key.export({ format: 'jwk' }))
  if (checked.ok) return key
  throw new Refusal('invalid_request', { message: `The public key is refused: ${checked.reason}.` })
}

/** The certificate and, where it was made here, its key: named for the agent, replaced in one step each. */
function place({ out }: CaAsked, name: string, der: Buffer, privateKey: KeyObject | undefined) {
  mkdirSync(resolve(out), { recursive: true, mode: 0o700 })
  const certificate_file = join(resolve(out), `${name}.pem`)
  const key_file = join(resolve(out), `${name}.key`)
  if (privateKey !== undefined) {
    replacePrivateFile(key_file, String(privateKey.export({ format: 'pem', type: 'pkcs8' })))
  }
  replacePrivateFile(certificate_file, pemOf('CERTIFICATE', der))
  return { certificate_file, ...(privateKey !== undefined && { key_file }) }
}
