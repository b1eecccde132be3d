import { describe, expect, it } from 'vitest'

import { credentialStatus, lineOf, methodOfKind, originOf } from '../../src/core/credential.ts'
import type { Credential, CredentialStatus } from '../../src/core/credential.ts'
import { credential } from '../support/state.ts'

const now = 100

describe('a credential', () => {
  it.each<[CredentialStatus, string, Partial<Credential>]>([
    ['active', 'as it was made', {}],
    ['active', 'until it expires', { expiresAt: 101 }],
    ['retired', 'the second it expires', { expiresAt: 100 }],
    ['retired', 'after it expired', { expiresAt: 99 }],
    ['retiring', 'until it retires', { recordedStatus: 'rotated', retiresAt: 101 }],
    ['retired', 'the second it retires', { recordedStatus: 'rotated', retiresAt: 100 }],
    ['retired', 'rotated without overlap', { recordedStatus: 'rotated' }],
    [
      'retired',
      'expired while retiring',
      { recordedStatus: 'rotated', retiresAt: 200, expiresAt: 100 },
    ],
    ['revoked', 'once revoked', { recordedStatus: 'revoked' }],
    [
      'revoked',
      'once revoked, although it expired since',
      { recordedStatus: 'revoked', expiresAt: 50 },
    ],
    [
      'revoked',
      'once revoked, although it was retiring',
      { recordedStatus: 'revoked', retiresAt: 200 },
    ],
    ['active', 'whatever it would retire at', { retiresAt: 50 }],
  ])('is %s %s', (status, _, traits) => {
    expect(credentialStatus(credential(traits), now)).toBe(status)
  })

  it('is presented by one method for each kind', () => {
    expect(methodOfKind).toEqual({
      secret: 'secret',
      api_key: 'api_key',
      public_key: 'client_assertion',
      x509: 'x509',
    })
  })

  it('goes back to the first of its line of rotations', () => {
    expect(originOf(credential())).toBe('crd_1')
    expect(originOf(credential({ id: 'crd_3', origin: 'crd_1' }))).toBe('crd_1')
  })

  it('succeeds those that were rotated into it, not one that was discarded on the way', () => {
    const origin = 'crd_1'
    const line = [
      credential(),
      credential({ id: 'crd_2', origin, rotatedFrom: 'crd_1', recordedStatus: 'revoked' }),
      credential({ id: 'crd_3', origin, rotatedFrom: 'crd_1' }),
      credential({ id: 'crd_4', origin, rotatedFrom: 'crd_3' }),
    ]
    const recordOf = (id: string) => line.find((c) => c.id === id)
    expect(line.map((c) => lineOf(c, recordOf))).toEqual([
      ['crd_1'],
      ['crd_2', 'crd_1'],
      ['crd_3', 'crd_1'],
      ['crd_4', 'crd_3', 'crd_1'],
    ])
    const withoutThird = (id: string) => (id === 'crd_3' ? undefined : recordOf(id))
    expect(lineOf(credential({ id: 'crd_4', rotatedFrom: 'crd_3' }), withoutThird)).toEqual([
      'crd_4',
      'crd_3',
    ])
  })
})
