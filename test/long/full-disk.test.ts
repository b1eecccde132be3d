// Real servers on a disk that is full: what is not urgent is refused and changes nothing, reads, checks and
// revocations go on until the space that is kept for them is spent, and everything goes on by itself after.

import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { admin, home, serve } from '../e2e/support.ts'
import type { Answer, Server } from '../e2e/support.ts'
import { folderSize } from './support/folder-size.ts'
import { faultyDisk } from './support/disk-faults.ts'

const mint = (server: Server) =>
  server.call('mint_token', { scopes: ['demo:read'], grant_ttl_seconds: 3600 })
const check = (server: Server, grant_id: unknown) =>
  server.call('check_permission', { permissions: ['demo:read'], grant_id })

async function started() {
  const disk = faultyDisk()
  const own = await home()
  const env = { ...own.env(admin), ...disk.env }
  const fill = (room = 0) => disk.order({ space: folderSize(own.path) + room, folder: own.path })
  return { disk, own, env, fill, reserve: () => statSync(own.file('remit.db-reserve')).size }
}

const grantOf = ({ result }: Answer) => result['grant_id']

test('a full disk refuses what is not urgent, and nothing else, until there is room', async () => {
  const { disk, own, env, fill, reserve } = await started()
  const [one, other] = [await serve(env), await serve(env)]
  const grants = [grantOf(await mint(one)), grantOf(await mint(one))]
  await one.call('whoami')
  fill()
  const refused = await fillUp(one)
  expect(refused.result['error']).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('disk of the store is full; nothing was changed'),
  })
  const count = () => own.first('select count(*) from grants where standing = 0')
  const before = count()
  for (const server of [one, other]) {
    expect((await mint(server)).code).toBe('unavailable')
    expect((await server.call('list_agents')).code).toBe('allowed')
    expect((await check(server, grants[0])).result['allowed']).toBe(true)
  }
  expect(count()).toBe(before)
  const revoked = await one.call('revoke_token', { grant_id: grants[0], cause: 'test' })
  expect(revoked.code).toBe('allowed')
  expect((await check(other, grants[0])).result['allowed']).toBe(false)
  expect((await check(other, grants[1])).result['allowed']).toBe(true)
  expect(reserve()).toBeLessThan(4 * 1024 * 1024)
  // What was given away is not for those who may wait, in any process.
  expect([(await mint(one)).code, (await mint(other)).code]).toEqual(['unavailable', 'unavailable'])
  disk.order()
  expect([(await mint(one)).code, (await mint(other)).code]).toEqual(['allowed', 'allowed'])
  expect(reserve()).toBe(4 * 1024 * 1024)
  expect((await one.call('verify_audit')).result['ok']).toBe(true)
  expect(own.first(`select count(*) from audit_events where operation = 'revoke_token'`)).toBe(1)
})

test('a server starts on a full disk, and revokes', async () => {
  const { own, env, fill } = await started()
  const first = await serve(env)
  const grant_id = grantOf(await mint(first))
  await first.client.close()
  fill()
  const ran = await own.run(
    ['revoke-token', '--grant-id', String(grant_id), '--cause', 'test', '--json'],
    { env },
  )
  expect({ code: ran.code, err: ran.code === 0 ? '' : ran.err }).toEqual({ code: 0, err: '' })
})

test('checks spend the space that is kept, but for what revocations need', async () => {
  const { disk, env, fill } = await started()
  const server = await serve(env)
  const grant_id = grantOf(await mint(server))
  fill()
  let last: Answer
  let n = 0
  do {
    const permissions = Array.from({ length: 100 }, (_, i) => `demo/spent/${n}-${i}:read`)
    last = await server.call('check_permission', { permissions })
    n += 1
  } while (last.code === 'allowed')
  expect(n).toBeGreaterThan(50)
  expect(last.code).toBe('unavailable')
  const revoked = await server.call('revoke_token', { grant_id, cause: 'test' })
  expect(revoked.code).toBe('allowed')
  disk.order()
  await expect.poll(async () => (await check(server, grant_id)).result['allowed']).toBe(false)
  expect((await mint(server)).code).toBe('allowed')
  expect((await server.call('verify_audit')).result['ok']).toBe(true)
})

/** The log may still have room in it. */
async function fillUp(server: Server): Promise<Answer> {
  for (let i = 0; i < 1000; i++) {
    const answer = await mint(server)
    if (answer.code !== 'allowed') return answer
  }
  throw new Error('The disk was never full.')
}
