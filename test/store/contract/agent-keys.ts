// What identifies credentials is claimed once and for good, and certificates are remembered by their end.

import { describe, expect, test } from 'vitest'
import { agentCertificates, claimMark, recordCertificate } from '../../../src/store/agent-keys.ts'
import { putCredential } from '../../../src/store/credentials.ts'
import { claimAnchor } from '../../../src/store/trust-anchors.ts'
import { credential } from '../../support/state.ts'
import { bench } from './bench.ts'
import type { NewDatabase } from './bench.ts'
import { anchor } from './samples.ts'

export function agentKeys(database: NewDatabase): void {
  const mark = { orgId: 'org_1', mark: 'key:a', agentId: 'agt_1', credentialId: 'crd_1' }

  describe('a mark', () => {
    test('is claimed once in an organisation, by whomever', async () => {
      const b = await bench(database)
      await b.commit(claimMark(mark, 1))
      for (const change of [{}, { credentialId: 'crd_2' }, { agentId: 'agt_2' }]) {
        expect(await b.unit([claimMark({ ...mark, ...change }, 2)])).toMatchObject({
          ok: false,
          stale: false,
          error: { code: 'conflict' },
        })
      }
      await b.commit(claimMark({ ...mark, mark: 'key:b' }, 2))
      await b.commit(claimMark({ ...mark, orgId: 'org_2' }, 2))
    })
  })

  describe('a trust anchor', () => {
    test('has its certificate for itself in its organisation; whoever is later decides again', async () => {
      const b = await bench(database)
      await b.commit(claimAnchor(anchor, 'a'))
      const another = { ...anchor, id: 'anc_2', name: 'other' }
      expect(await b.unit([claimAnchor(another, 'a')])).toMatchObject({ ok: false, stale: true })
      await b.commit(claimAnchor(another, 'b'))
      await b.commit(claimAnchor({ ...anchor, id: 'anc_3', orgId: 'org_2' }, 'a'))
    })
  })

  describe('certificates', () => {
    const seen = { credentialId: 'crd_1', thumbprint: 'new', notBefore: 5, notAfter: 20 }

    test('are remembered by the end that is furthest away', async () => {
      const b = await bench(database)
      await b.commit(putCredential(credential()), recordCertificate(seen, 6))
      await b.commit(recordCertificate({ ...seen, thumbprint: 'old', notAfter: 19 }, 7))
      expect(await b.read(agentCertificates('agt_1'))).toEqual([seen])
      const renewed = { ...seen, thumbprint: 'newer', notBefore: 15, notAfter: 30 }
      await b.commit(recordCertificate(renewed, 16))
      expect(await b.read(agentCertificates('agt_1'))).toEqual([renewed])
      expect(await b.read(agentCertificates('agt_2'))).toEqual([])
    })
  })
}
