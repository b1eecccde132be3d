// Attacks by way of files (authority: 35). The server alone picks where it writes; what it writes is its
// owner's alone, is no link, replaces no file of another agent, and goes when its time is over.

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sweepDeliveries } from '../../src/authority/deliveries.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const minting = { scopes: ['demo:read'], ttl_seconds: 600, delivery: 'file' }

const pathIn = (answer: object): string => {
  const { delivery } = answer as { delivery?: { kind: string; path?: string } }
  if (delivery?.path === undefined) throw new Error('There is no path.')
  return delivery.path
}

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8)
const deliveries = (w: World) => join(w.home, 'deliveries')
const onlyIn = (w: World) => readdirSync(deliveries(w))

interface CredentialFile {
  readonly agent_id: string
  readonly credential_id: string
  readonly secret: string
}

const fileOf = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as CredentialFile

/** A process that was started with local's credential file. */
async function withFile() {
  const w = await world()
  const path = join(w.home, 'credentials', 'local.json')
  mkdirSync(dirname(path), { mode: 0o700 })
  const { id: agent_id, credentialId: credential_id, secret } = w.local
  const text = JSON.stringify({ agent_id, credential_id, secret })
  writeFileSync(path, text, { mode: 0o600 })
  return { w, path, text, context: await w.startProcess({ credentialFile: path }) }
}

describe('a delivered file', () => {
  test('is new, whole, and its owner’s alone, below a folder that is too', async () => {
    const w = await world()
    const path = pathIn(await w.result(mintToken, minting, w.local))
    expect(dirname(path)).toBe(deliveries(w))
    expect(path).toMatch(/\/[0-9a-f]{32}$/)
    expect(lstatSync(path)).toMatchObject({ nlink: 1 })
    expect(lstatSync(path).isFile()).toBe(true)
    expect([modeOf(path), modeOf(deliveries(w))]).toEqual(['600', '700'])
    expect(onlyIn(w)).toHaveLength(1)
    const presentedToken = readFileSync(path, 'utf8')
    expect((await w.result(whoami, {}, { kind: 'token', presentedToken })).agent.name).toBe('local')
  })

  test('holds a secret as a credential file does', async () => {
    const w = await world()
    const asked = { agent: 'local', kind: 'secret', delivery: 'file' }
    const answer = await w.result(addCredential, asked)
    const { agent_id, credential_id, secret } = fileOf(pathIn(answer))
    expect([agent_id, credential_id]).toEqual([w.local.id, answer.credential_id])
    const by = { kind: 'secret', agentId: agent_id, presentedSecret: secret } as const
    expect((await w.result(whoami, {}, by)).agent.name).toBe('local')
  })

  test.each([
    [{ ...minting, path: '/tmp/x' }],
    [{ ...minting, delivery: '/tmp/x' }],
    [{ ...minting, delivery: { kind: 'file', path: '/tmp/x' } }],
    [{ ...minting, delivery: 'file:/tmp/x' }],
  ])('is nowhere the caller says (%#)', async (asked) => {
    const w = await world()
    expect((await w.refusal(mintToken, asked, w.local)).code).toBe('invalid_request')
    expect(existsSync(deliveries(w))).toBe(false)
  })

  test('is refused where the caller is not on this host', async () => {
    const w = await world({ settings: { localFiles: false } })
    expect((await w.refusal(mintToken, minting, w.local)).code).toBe('invalid_request')
    const secret = { agent: 'local', kind: 'secret' }
    expect((await w.refusal(addCredential, secret)).code).toBe('invalid_request')
    expect(existsSync(deliveries(w))).toBe(false)
  })

  test('goes when its time is over, and nothing else goes with it', async () => {
    const w = await world()
    const path = pathIn(await w.result(mintToken, minting, w.local))
    const kept = pathIn(await w.result(mintToken, { ...minting, ttl_seconds: 900 }, w.local))
    const outside = join(w.home, 'precious')
    writeFileSync(outside, 'x', { mode: 0o600 })
    utimesSync(outside, 1, 1)
    symlinkSync(outside, join(deliveries(w), 'link'))
    mkdirSync(join(deliveries(w), 'folder'))
    w.pass(599)
    await sweepDeliveries(w.context)
    expect(existsSync(path)).toBe(true)
    w.pass(1)
    await sweepDeliveries(w.context)
    expect([path, kept, outside].map((each) => existsSync(each))).toEqual([false, true, true])
  })

  test('is not written when the call is refused or dry', async () => {
    const w = await world()
    await w.refusal(mintToken, { ...minting, scopes: ['tokens:*'] }, w.local)
    await w.result(mintToken, { ...minting, dry_run: true }, w.local)
    expect(existsSync(deliveries(w))).toBe(false)
  })
})

describe('the credential file of this process', () => {
  const rotation = { delivery: 'file' }

  test('is replaced in one step by the rotated secret of the credential in it', async () => {
    const { w, path, context } = await withFile()
    const before = statSync(path).ino
    const answer = await w.result(rotateCredential, rotation, w.local, { in: context })
    expect(pathIn(answer)).toBe(path)
    expect(fileOf(path)).toMatchObject({
      agent_id: w.local.id,
      credential_id: answer.credential_id,
    })
    expect([modeOf(path), statSync(path).ino === before]).toEqual(['600', false])
    expect(readdirSync(dirname(path))).toEqual(['local.json'])
    const { secret: presentedSecret } = fileOf(path)
    const by = { kind: 'secret', agentId: w.local.id, presentedSecret } as const
    expect((await w.result(whoami, {}, by)).agent.name).toBe('local')
  })

  test('stays when another credential is rotated, or the same one presented by the request', async () => {
    const { w, path, text, context } = await withFile()
    const another = { ...rotation, credential_id: w.admin.credentialId }
    const first = await w.result(rotateCredential, another, w.admin, { in: context })
    const meta = { 'dev.remit/agent_id': w.local.id, 'dev.remit/agent_secret': w.local.secret }
    const second = await w.result(
      rotateCredential,
      rotation,
      { kind: 'nothing' },
      {
        in: context,
        meta,
      },
    )
    for (const answer of [first, second]) expect(dirname(pathIn(answer))).toBe(deliveries(w))
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  const changed: readonly (readonly [string, (w: World, path: string) => void])[] = [
    [
      'another agent’s',
      (w, path) => writeFileSync(path, JSON.stringify({ agent_id: w.admin.id, secret: 'x' })),
    ],
    ['no credential file', (_, path) => writeFileSync(path, 'precious')],
    ['nothing at all', (_, path) => writeFileSync(path, 'null')],
    ['open to others', (_, path) => chmodSync(path, 0o644)],
  ]

  test.each(changed)('stays when it is %s by now', async (_, change) => {
    const { w, path, context } = await withFile()
    change(w, path)
    const found = readFileSync(path, 'utf8')
    const answer = await w.result(rotateCredential, rotation, w.local, { in: context })
    expect(dirname(pathIn(answer))).toBe(deliveries(w))
    expect(fileOf(pathIn(answer)).credential_id).toBe(answer.credential_id)
    expect(readFileSync(path, 'utf8')).toBe(found)
  })

  test('is never written through a link that was put in its place', async () => {
    const { w, path, text, context } = await withFile()
    const target = join(w.home, 'elsewhere.json')
    writeFileSync(target, text, { mode: 0o600 })
    rmSync(path)
    symlinkSync(target, path)
    const answer = await w.result(rotateCredential, rotation, w.local, { in: context })
    expect(dirname(pathIn(answer))).toBe(deliveries(w))
    expect(readFileSync(target, 'utf8')).toBe(text)
  })
})
