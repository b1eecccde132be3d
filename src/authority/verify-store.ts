// `remit audit verify`: the audit of a store, or of an export of it, compared with the checkpoints that
// are kept outside of both. Of an export without the keys of its store only so much can be told: whether
// it was signed as it is, whether its events follow on each other, and whether it holds what checkpoints
// state. Who signed it is then for the reader to know: the keys come with it.

import { calculateJwkThumbprint } from 'jose'
import type { JWK } from 'jose'
import { Refusal } from '../core/refusal.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import { verifyOwnJwt } from '../crypto/own-jwt.ts'
import { loadVerifier, verifiersByHeader } from '../crypto/signing-key.ts'
import type { SigningPublicJwk, Verifier } from '../crypto/signing-key.ts'
import { sealBy } from '../store/open.ts'
import type { Row } from '../store/store.ts'
import { temporaryStore } from '../store/temporary.ts'
import { auditHash, verifyAudit } from './audit-verification.ts'
import type { AuditReport, ChainReport } from './audit-verification.ts'
import { readCheckpoints } from './checkpoint-file.ts'
import type { OnHost } from './on-host.ts'
import { readExport } from './read-export.ts'
import type { ExportedKey, ExportRead } from './read-export.ts'

export interface AuditVerdict extends AuditReport {
  /** Signed checkpoints kept outside of what was verified, and lines there that are none. */
  readonly checkpoints: { readonly file: string; readonly genuine: number; readonly others: number }
  readonly export?: {
    /** Whether it is, line for line, what was signed when it was made. */
    readonly unaltered: boolean
    /** Whether the keys of its store were at hand; without, an edited event shows by what was signed. */
    readonly keyed: boolean
    /** RFC 7638 thumbprints of the keys that signatures were verified with. */
    readonly signed_by: readonly string[]
  }
}

interface Asked {
  readonly chain?: string | undefined
  /** The file of kept checkpoints. */
  readonly kept: string
}

export async function verifyStore(host: OnHost, { chain, kept }: Asked): Promise<AuditVerdict> {
  const { store, keys, ring, self, now } = host
  const verifiers = ring.verifiers('checkpoint', now())
  const source = { store, hashOf: auditHash(keys), verifiers, issuer: self.issuer }
  const { genuine, others } = await readCheckpoints(kept, source)
  const report = await verifyAudit({ ...source, kept: genuine }, { chain })
  return { ...report, checkpoints: { file: kept, genuine: genuine.length, others } }
}

/** What is known of the store that an export came from, where that is at hand. */
export interface KnownStore {
  readonly storeId: string
  readonly keys: Subkeys
  readonly verifiers: ReadonlyMap<string, Verifier>
}

export async function verifyExport(
  path: string,
  { chain, kept }: Asked,
  known?: KnownStore,
): Promise<AuditVerdict> {
  const { store, put } = temporaryStore(known === undefined ? () => vouched : sealBy(known.keys))
  try {
    const ends: [kind: 'head' | 'floor', row: Row][] = []
    const twice: ChainReport[] = []
    const read = await readExport(path, (kind, row) => {
      if (kind === 'head' || kind === 'floor') ends.push([kind, row])
      else if (!put(kind, row) && kind === 'event') twice.push(standsTwice(row))
    })
    if (known !== undefined && known.storeId !== read.header.store_id) throw ofAnother()
    const verifiers = known?.verifiers ?? verifiersIn(read.keys)
    const unaltered = isUnaltered(read, verifiers)
    const mac = unaltered ? vouched : ''
    for (const [kind, row] of ends) put(kind, known === undefined ? { ...row, mac } : row)
    const { issuer } = read.header
    const { genuine, others } = await readCheckpoints(kept, { verifiers, issuer })
    const source = { store, verifiers, issuer, kept: genuine }
    const hashOf = known === undefined ? {} : { hashOf: auditHash(known.keys) }
    const report = await verifyAudit({ ...source, ...hashOf }, { chain })
    return {
      ok: report.ok && unaltered && twice.length === 0,
      count: report.count,
      chains: report.chains.map((each) => earliest(each, twice)),
      checkpoints: { file: kept, genuine: genuine.length, others },
      export: {
        unaltered,
        keyed: known !== undefined,
        signed_by: await thumbprints(verifiers),
      },
    }
  } finally {
    await store.close()
  }
}

/** Without keys an end counts as sealed where the whole export is as it was signed. */
const vouched = 'vouched'

const isUnaltered = (
  { signed, digest, events, header }: ExportRead,
  verifiers: ReadonlyMap<string, Verifier>,
): boolean => {
  const verified = verifyOwnJwt(signed ?? '', verifiers)
  if (!verified.ok) return false
  const { iss, export: stated, events: counted } = verified.claims
  return iss === header.issuer && stated === digest && counted === events
}

/** Two events in one place: one of them was put there. */
const standsTwice = (row: Row): ChainReport => ({
  chain: String(row['chain']),
  count: 0,
  head: '',
  first_bad_seq: Number(row['seq']),
  what: 'edited',
})

const earliest = (report: ChainReport, others: readonly ChainReport[]): ChainReport => {
  const bad = [report, ...others.filter(({ chain }) => chain === report.chain)]
    .filter(({ first_bad_seq: seq }) => seq !== undefined)
    .toSorted((a, b) => (a.first_bad_seq ?? 0) - (b.first_bad_seq ?? 0))[0]
  if (bad?.first_bad_seq === undefined || bad.what === undefined) return report
  return { ...report, first_bad_seq: bad.first_bad_seq, what: bad.what }
}

function verifiersIn(keys: readonly ExportedKey[]): ReadonlyMap<string, Verifier> {
  const good = keys.filter(({ status }) => status !== 'compromised')
  return verifiersByHeader(
    good.map(({ kid, alg, public_jwk: jwk }) =>
      loadVerifier({
        kid,
        alg,
        typ: 'remit-checkpoint+jwt',
        publicJwk: jwk as SigningPublicJwk,
      }),
    ),
  )
}

const thumbprints = (verifiers: ReadonlyMap<string, Verifier>): Promise<string[]> =>
  Promise.all(
    [...verifiers.values()].map(({ publicJwk }) =>
      calculateJwkThumbprint(publicJwk as unknown as JWK),
    ),
  )

const ofAnother = (): Refusal =>
  new Refusal('invalid_request', {
    message: 'The export is one of another store than the one at hand.',
    remedy: { text: 'Set REMIT_HOME to its store, or to where there is none.' },
  })
