// `remit open`: with a private key from a file of one's own, to a file of one's own, and without a store.

import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openSealed } from '../../src/app/open-sealed.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { enters } from '../attacks/attack.ts'
import { pair } from '../support/keys.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { world } from '../support/world.ts'

test('a sealed secret becomes a credential file that only its owner can read, once', async () => {
  const w = await world()
  const { publicJwk, privateJwk } = pair('x25519')
  const asked = { agent: 'local', kind: 'secret', encryption_jwk: publicJwk, delivery: 'sealed' }
  const { delivery } = (await w.result(addCredential, asked)) as { delivery?: { jwe?: string } }
  const folder = temporaryFolder()
  const [keyFile, out] = [join(folder, 'mine.jwk'), join(folder, 'credential.json')]
  writeFileSync(keyFile, JSON.stringify(privateJwk), { mode: 0o600 })
  const jwks = await publicKeys(w.context)
  const opening = { jwe: delivery?.jwe ?? '', keyFile, jwks, issuer: w.issuer, out }
  const asLocal = { ...opening, recipient: w.local.id }
  // The recipient's clock is the world's.
  vi.useFakeTimers({ toFake: ['Date'], now: w.now() * 1000 })
  onTestFinished(() => void vi.useRealTimers())
  const opened = await openSealed(asLocal)
  expect(opened.about).toMatch(/^crd_/)
  expect([statSync(out).mode & 0o777, readFileSync(out, 'utf8')]).toEqual([0o600, opened.text])
  const { agent_id, secret } = JSON.parse(opened.text) as { agent_id: string; secret: string }
  const presented = { kind: 'secret', agentId: agent_id, presentedSecret: secret } as const
  expect([agent_id, await enters(w, presented)]).toEqual([w.local.id, 'allowed'])

  await expect(openSealed(asLocal)).rejects.toThrow(`${out} exists already`)
  const another = { ...opening, recipient: w.admin.id, out: join(folder, 'another') }
  await expect(openSealed(another)).rejects.toThrow('for another recipient')
  chmodSync(keyFile, 0o644)
  await expect(openSealed(asLocal)).rejects.toThrow('is open to other users')
})
