// Many processes on one store, as every host that starts servers over stdio makes them: they see each other's
// revocations on the very next call, nobody fails for being busy, and of those who race one wins.
import { expect, test } from 'vitest'
import { isOnPostgres } from '../support/database.ts'
import { shared } from '../support/shared.ts'
import { admin, emptyHome, home, local, runMain, bare, serve } from './support.ts'
import type { Answer, Env, Server } from './support.ts'

const many = <T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)))

const codes = (answers: readonly Answer[]): Record<string, number> => {
  const counted: Record<string, number> = {}
  for (const { code } of answers) counted[code] = (counted[code] ?? 0) + 1
  return counted
}

const servers = (count: number, env: Env): Promise<Server[]> =>
  many(count, () => serve(env, 'unchecked'))

/** One store and the eight processes on it that most tests call, some or all of them. */
const eight = shared(async () => {
  const own = await home()
  return { own, all: await servers(8, own.env(admin)) }
})

const four = () => ({ ...eight(), all: eight().all.slice(0, 4) })

const at = <T>(list: readonly T[], i: number): T => {
  const found = list[i % list.length]
  if (found === undefined) throw new Error('The list is empty.')
  return found
}

const tokenOf = ({ meta }: Answer) => ({ 'dev.remit/token': meta['dev.remit/token'] })

test.each([2, 8])(
  '%i processes see each other’s revocations on the very next call',
  async (count) => {
    const all = eight().all.slice(0, count)
    for (let round = 0; round < count; round++) {
      const revoker = at(all, round)
      const minter = at(all, round + 1)
      const root = await minter.call('mint_token', {
        scopes: ['demo:read', 'tokens:delegate'],
        delivery: 'meta',
      })
      const child = await at(all, round + 2).call(
        'delegate_token',
        { scopes: ['demo:read'], delivery: 'meta' },
        tokenOf(root),
      )
      const asked = () =>
        Promise.all(
          all.flatMap((server) => [
            server.call('check_permission', { permissions: ['demo:read'] }, tokenOf(root)),
            server.call('check_permission', { permissions: ['demo:read'] }, tokenOf(child)),
          ]),
        )
      expect(codes(await asked())).toEqual({ allowed: 2 * count })
      const { grant_id } = root.result
      const revoked = await revoker.call('revoke_token', { grant_id, cause: 'test' })
      expect(revoked.code).toBe('allowed')
      expect(codes(await asked())).toEqual({ invalid_token: count, ancestor_revoked: count })
    }
  },
)

test('nobody fails for being busy while 8 processes write', async () => {
  const { own, all } = eight()
  const inStore = () => Number(own.first('select count(*) from grants where standing = 0'))
  const before = inStore()
  const answers = await many(8 * 25, (i) =>
    at(all, i).call('mint_token', { scopes: ['demo:read'], task: `work/n${i}` }),
  )
  expect(codes(answers)).toEqual({ allowed: answers.length })
  const granted = answers.map(({ result }) => result['grant_id'])
  expect(new Set(granted).size).toBe(answers.length)
  expect(inStore() - before).toBe(answers.length)
  expect((await at(all, 0).call('verify_audit')).result['ok']).toBe(true)
})

test('8 processes write and revoke at once, and each sees the others’ revocations on its next call', async () => {
  const { all } = eight()
  const mint = (i: number) =>
    at(all, i).call('mint_token', { scopes: ['demo:read'], grant_ttl_seconds: 3600 })
  const check = (i: number, grant_id: unknown) =>
    at(all, i).call('check_permission', { permissions: ['demo:read'], grant_id })
  for (let round = 0; round < 3; round++) {
    const minted = await many(8 * 3, mint)
    expect(codes(minted)).toEqual({ allowed: minted.length })
    const grants = minted.map(({ result }) => result['grant_id'])
    const answers = await many(8 * 3, async (i) => {
      const writing = mint(i)
      // Another's, while everybody writes; then, at once, asked about by a third.
      const grant_id = at(grants, i + 1)
      const revoked = await at(all, i).call('revoke_token', { grant_id, cause: 'test' })
      const seen = await check(i + 3, grant_id)
      return { revoked, seen, written: await writing }
    })
    expect(codes(answers.flatMap(({ revoked, written }) => [revoked, written]))).toEqual({
      allowed: 2 * answers.length,
    })
    expect(answers.filter(({ seen }) => seen.result['allowed'] !== false)).toEqual([])
  }
  expect((await at(all, 0).call('verify_audit')).result['ok']).toBe(true)
})

test('of 20 rotations at once over 4 processes exactly one wins', async () => {
  const { own, all } = four()
  const { meta, credentialId } = await own.agent(at(all, 0), 'racer', ['demo:read'])
  await Promise.all(all.map((server) => server.call('whoami', {}, meta)))
  const answers = await many(20, (i) =>
    at(all, i).call('rotate_credential', { delivery: 'meta', overlap_seconds: 60 }, meta),
  )
  expect(codes(answers)).toEqual({ allowed: 1, conflict: 19 })
  const won = answers.find(({ code }) => code === 'allowed')
  const fresh = { ...meta, 'dev.remit/agent_secret': won?.meta['dev.remit/secret'] }
  const seen = await Promise.all(all.map((server) => server.call('list_credentials', {}, fresh)))
  for (const { result } of seen) {
    expect(result['credentials']).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ id: credentialId, status: 'retiring' }),
        expect.objectContaining({ id: won?.result['credential_id'], status: 'active' }),
      ]),
    )
    expect(result['credentials']).toHaveLength(2)
  }
})

test('repeats of one rotation over 4 processes are one rotation', async () => {
  const { own, all } = four()
  const { meta } = await own.agent(at(all, 0), 'repeater', ['demo:read'])
  const args = { delivery: 'meta', overlap_seconds: 60, idempotency_key: 'once' }
  const answers = await many(8, (i) => at(all, i).call('rotate_credential', args, meta))
  expect(codes(answers)).toEqual({ allowed: 8 })
  expect(new Set(answers.map(({ result }) => result['credential_id'])).size).toBe(1)
})

test('no child lives that was minted while its parent was revoked elsewhere', async () => {
  const { own, all } = four()
  const ofParent = `select count(*) from grants where parent_id = ?`
  let refused = 0
  for (let round = 0; round < 8; round++) {
    const parent = await at(all, 0).call('mint_token', {
      scopes: ['demo:read', 'tokens:delegate'],
      delivery: 'meta',
    })
    const parentId = String(parent.result['grant_id'])
    const delegate = (i: number) =>
      at(all, i).call('delegate_token', { scopes: ['demo:read'] }, tokenOf(parent))
    await Promise.all([delegate(1), delegate(2), delegate(3)])
    const revoke = () => at(all, 0).call('revoke_token', { grant_id: parentId, cause: 'test' })
    const [revoked, ...children] = await Promise.all([
      later(round).then(revoke),
      ...Array.from({ length: 24 }, (_, i) => later(i % 8).then(() => delegate(1 + (i % 3)))),
    ])
    expect(revoked?.code).toBe('allowed')
    const made = children.filter(({ code }) => code === 'allowed')
    refused += children.length - made.length
    expect(own.first(ofParent, [parentId])).toBe(3 + made.length)
    const alive = await Promise.all(
      made.map(({ result }, i) =>
        at(all, i).call('introspect_token', { grant_id: result['grant_id'] }),
      ),
    )
    expect(alive.filter(({ result }) => result['active'] !== false)).toEqual([])
    // In the one chain that all processes write, every delegation from it comes before the revocation.
    if (isOnPostgres()) continue
    expect(own.first(beforeRevocation, [parentId, parentId])).toBe(3 + made.length)
  }
  expect(refused).toBeGreaterThan(0)
})

const beforeRevocation = `
  select count(*)
  from audit_events as made
  join audit_events as ended on ended.operation = 'revoke_token' and ended.target = ?
  where made.operation = 'delegate_token'
    and made.outcome = 'allowed'
    and made.grant_id = ?
    and made.seq < ended.seq`

test('processes that start at once on a new store register once, and all serve', async () => {
  const own = await home()
  const all = await many(4, (i) => serve(own.env(i % 2 === 0 ? admin : local), 'unchecked'))
  const answers = await Promise.all(all.map((server) => server.call('whoami')))
  expect(codes(answers)).toEqual({ allowed: 4 })
  expect(own.first(`select count(*) from registrations where status = 'bound'`)).toBe(1)
  const names = answers.map(({ result }) => (result['agent'] as { name: string }).name)
  expect(names).toEqual(['admin', 'local', 'admin', 'local'])
  const roots = answers.map(({ result }) => (result['grant'] as { id: string }).id)
  expect([roots[0], roots[1]]).toEqual([roots[2], roots[3]])
})

test('of inits that start at once one makes the store, and servers start on it', async () => {
  const env = { ...bare, REMIT_HOME: emptyHome() }
  const made = await many(3, () => runMain(['init', '--json'], env))
  expect(made.map(({ code }) => code).toSorted()).toEqual([0, 6, 6])
  const all = await servers(2, { ...env, REMIT_CREDENTIAL_FILE: local })
  const answers = await Promise.all(all.map((server) => server.call('whoami')))
  expect(codes(answers)).toEqual({ allowed: 2 })
})

const later = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, milliseconds))
