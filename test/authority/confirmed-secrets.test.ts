// argon2id is asked once for a secret, however many calls present it at once.
import { expect, test, vi } from 'vitest'
import { isConfirmed } from '../../src/authority/confirmed-secrets.ts'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { world } from '../support/world.ts'

test('a burst of first calls by one secret is answered, with one slow hash', async () => {
  const w = await world()
  const fresh = await w.startProcess()
  const verify = vi.spyOn(fresh.hashing, 'verify')
  const calls = Array.from({ length: 2000 }, () =>
    w.call(listPermissions, {}, w.local, { in: fresh }),
  )
  const answers = await Promise.all(calls)
  expect(answers.filter(({ ok }) => !ok)).toEqual([])
  expect(verify).toHaveBeenCalledTimes(1)
})

test('another secret, and one that was wrong or not decided, are asked about anew', async () => {
  const { context } = await world()
  const verify = vi.spyOn(context.hashing, 'verify')
  const ask = (secret: string, hash = 'hash') => isConfirmed(context, secret, hash)
  verify.mockResolvedValueOnce(false)
  expect(await Promise.all([ask('a'), ask('a')])).toEqual([false, false])
  verify.mockRejectedValueOnce(new Error('full'))
  await expect(ask('a')).rejects.toThrow('full')
  verify.mockResolvedValueOnce(true).mockResolvedValueOnce(false).mockResolvedValueOnce(true)
  expect(await Promise.all([ask('a'), ask('b'), ask('a', 'other hash')])).toEqual([
    true,
    false,
    true,
  ])
  expect(verify).toHaveBeenCalledTimes(5)
  expect(await ask('a', 'other hash')).toBe(true)
  expect(verify).toHaveBeenCalledTimes(5)
})
