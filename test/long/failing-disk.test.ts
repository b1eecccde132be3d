// Real servers on a disk that fails while it writes or syncs: nothing is acknowledged that could be lost, the
// server stops, and a new one goes on with all that was.

import { expect, test } from 'vitest'
import { admin, home, serve } from '../e2e/support.ts'
import { faultyDisk } from './support/disk-faults.ts'
import type { Order } from './support/disk-faults.ts'

const orders: readonly Order[] = [
  { fail: 'sync', path: 'remit.db-wal' },
  { fail: 'write', path: 'remit.db-wal' },
]

test.each(orders)('EIO: %o', async (order) => {
  const disk = faultyDisk()
  const own = await home()
  const server = await serve({ ...own.env(admin), ...disk.env }, 'unchecked')
  const mint = (on = server) => on.call('mint_token', { scopes: ['demo:read'] })
  const first = await mint()
  expect(first.code).toBe('allowed')
  disk.order(order)
  const failed = await mint()
  expect(failed.result['error']).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('it may have happened or not'),
  })
  disk.order()
  // It is not asked again, though the disk seems well; the process is gone.
  await expect
    .poll(
      () =>
        mint().then(
          ({ code }) => code,
          () => 'gone',
        ),
      { timeout: 30_000 },
    )
    .toBe('gone')
  expect(server.stderr()).toContain('The disk failed under a commit')
  const again = await serve(own.env(admin), 'unchecked')
  const { grant_id } = first.result
  expect((await again.call('introspect_token', { grant_id })).result['active']).toBe(true)
  expect((await mint(again)).code).toBe('allowed')
  expect((await again.call('verify_audit')).result['ok']).toBe(true)
})
