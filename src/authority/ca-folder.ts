// What the embedded authority keeps in the home, outside the store: its key and certificate, what it issued,
// and the list of what it revoked. One command at a time changes it.

import { createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../core/refusal.ts'
import { certificateInPem } from '../crypto/x509/certificate.ts'
import { makeAuthority, makeRevocationList, pemOf } from '../crypto/x509/issue.ts'
import type { Authority } from '../crypto/x509/issue.ts'
import { makePrivateFolder, readPrivateFile, replacePrivateFile } from './private-file.ts'
import { writePrivateFile } from './private-file.ts'

export interface Issued {
  readonly serial: string
  readonly agent_id: string
  readonly credential_id: string
  readonly not_after: number
  readonly revoked_at?: number
}

export interface Index {
  /** Of the newest list (RFC 5280 §5.2.3). */
  readonly crl_number: number
  readonly issued: readonly Issued[]
}

const pathsIn = (home: string) => ({
  folder: join(home, 'ca'),
  key: join(home, 'ca', 'ca.key'),
  certificate: join(home, 'ca', 'ca.pem'),
  list: join(home, 'ca', 'crl.pem'),
  index: join(home, 'ca', 'index.json'),
  lock: join(home, 'ca', 'lock'),
})

/** Makes the authority, once; the key first, so that no certificate is without it. */
export function createCa(
  home: string,
  wanted: { readonly name: string; readonly privateKey: KeyObject; readonly now: number },
): Authority {
  const paths = pathsIn(home)
  if (existsSync(paths.certificate)) {
    throw new Refusal('conflict', { message: `There is an authority in ${paths.folder} already.` })
  }
  const { name, privateKey, now } = wanted
  const notAfter = now + tenYears
  const certificate = makeAuthority({ name, privateKey, notBefore: now - backdated, notAfter })
  makePrivateFolder(paths.folder)
  const key = String(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  replacePrivateFile(paths.key, key)
  writePrivateFile(paths.certificate, pemOf('CERTIFICATE', certificate))
  writeIndex(home, { crl_number: 0, issued: [] })
  return { certificate, privateKey }
}

const tenYears = 3650 * 86_400

/** For clocks that are a little behind. */
export const backdated = 60

export function readCa(home: string): Authority & { readonly pem: string } {
  const { key, certificate: at, folder } = pathsIn(home)
  const pem = existsSync(at) ? readFileSync(at, 'utf8') : ''
  const certificate = certificateInPem(pem)
  const kept = readPrivateFile(key)
  if (certificate === undefined || !kept.ok) {
    throw new Refusal('not_found', {
      message: `There is no usable authority in ${folder}.`,
      remedy: { text: 'Make one with `remit ca init`.' },
    })
  }
  return { certificate, pem, privateKey: createPrivateKey(kept.text) }
}

export function readIndex(home: string): Index {
  const kept = readPrivateFile(pathsIn(home).index)
  if (kept.ok) return JSON.parse(kept.text) as Index
  throw new Refusal('unavailable', { message: `The index of the authority ${kept.why}.` })
}

export const writeIndex = (home: string, index: Index): void =>
  replacePrivateFile(pathsIn(home).index, `${JSON.stringify(index, null, 2)}\n`)

/** Publishes the list of what is revoked, good for so many days; what has ended by itself needs no entry. */
export function publishList(home: string, now: number, days: number): string {
  const paths = pathsIn(home)
  const index = readIndex(home)
  const number = index.crl_number + 1
  const revoked = index.issued
    .filter(({ revoked_at: at, not_after: end }) => at !== undefined && end > now)
    .map(({ serial, revoked_at: at = now }) => ({ serial, at }))
  const list = { number, thisUpdate: now - backdated, nextUpdate: now + days * 86_400, revoked }
  writeIndex(home, { ...index, crl_number: number })
  replacePrivateFile(paths.list, pemOf('X509 CRL', makeRevocationList(readCa(home), list)))
  return paths.list
}

/** Runs alone; what two commands did at once could lose a revocation. */
export async function aloneInCa<T>(home: string, work: () => Promise<T>): Promise<T> {
  const { lock } = pathsIn(home)
  try {
    closeSync(openSync(lock, 'wx', 0o600))
  } catch {
    throw new Refusal('conflict', {
      message: `Another command works on the authority, or was broken off: ${lock} exists.`,
      remedy: { text: 'If none is running, remove that file.' },
    })
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}
