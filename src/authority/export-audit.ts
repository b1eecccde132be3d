// `remit audit export`: the audit as lines of JSON, each event with all its fields, and with it what is
// needed to verify it elsewhere: heads, checkpoints and the public keys they were signed with. The last
// line is signed over all before it.

import { createHash } from 'node:crypto'
import { checkpointRows, eventRows, floorRows, headRows } from '../store/audit-rows.ts'
import type { Row } from '../store/store.ts'
import { signOwnJwt } from '../crypto/own-jwt.ts'
import type { OnHost } from './on-host.ts'

export interface ExportLine {
  readonly line: string
  readonly isEvent: boolean
}

const pageSize = 1000

/** All lines, each without its line break. What is committed meanwhile is not part of it. */
export async function* exportLines(host: OnHost): AsyncGenerator<ExportLine> {
  const { store, self, ring, now } = host
  const digest = createHash('sha256')
  let events = 0
  const lineOf = (type: string, fields: Row | object): ExportLine => {
    const line = JSON.stringify({ type, ...fields })
    digest.update(`${line}\n`)
    return { line, isEvent: type === 'event' }
  }
  const { storeId: store_id, issuer } = self
  yield lineOf('export', { version: 1, store_id, issuer, exported_at: now() })
  for (const key of checkpointKeys(host)) yield lineOf('key', key)
  // Checkpoints before heads: then none of them is past its head.
  const checkpoints = await store.read(checkpointRows)
  const heads = await store.read(headRows)
  for (const row of await store.read(floorRows)) yield lineOf('floor', row)
  for (const { chain, seq } of heads) {
    for await (const row of eventsUpTo(host, String(chain), Number(seq))) {
      events += 1
      yield lineOf('event', row)
    }
  }
  for (const row of heads) yield lineOf('head', row)
  for (const row of checkpoints) yield lineOf('checkpoint', row)
  const statement = { iss: issuer, export: digest.digest('base64url'), events, at: now() }
  const signed = signOwnJwt(ring.signer('checkpoint').signer, statement)
  yield { line: JSON.stringify({ type: 'end', signed }), isEvent: false }
}

const checkpointKeys = ({ live }: OnHost): readonly object[] =>
  [...live.signingKeys.values()]
    .filter(({ purpose }) => purpose === 'checkpoint')
    .map(({ id, alg, publicJwk, status }) => ({
      kid: id,
      alg,
      public_jwk: JSON.parse(publicJwk) as unknown,
      status,
    }))

async function* eventsUpTo({ store }: OnHost, chain: string, last: number): AsyncGenerator<Row> {
  for (let from = 1; from <= last;) {
    const page = await store.read(eventRows(chain, from, last, pageSize))
    yield* page
    if (page.length < pageSize) return
    from = Number(page.at(-1)?.['seq']) + 1
  }
}
