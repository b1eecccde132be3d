// Space that is kept on the disk: there from the first write on, given away in steps, taken back whole.

import {
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openReserve, reservePath } from '../../src/store/reserve.ts'
import { temporaryFolder } from '../support/temporary.ts'

const whole = 4 * 1024 * 1024

function made() {
  const database = join(temporaryFolder(), 'remit.db')
  const path = reservePath(database)
  return { path, reserve: openReserve(database), size: () => statSync(path).size }
}

test('is made when it is first asked about, private and of real blocks', () => {
  const { path, reserve, size } = made()
  expect(existsSync(path)).toBe(false)
  expect(reserve.release('revocations')).toBe(false)
  expect(existsSync(path)).toBe(false)
  expect(reserve.refill()).toBe(true)
  expect(size()).toBe(whole)
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600')
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(whole)
})

test('is given away in steps, the last of it for revocations alone', () => {
  const { reserve, size } = made()
  reserve.refill()
  const steps = (use: 'checks' | 'revocations') => {
    let n = 0
    while (reserve.release(use)) n += 1
    return n
  }
  expect([steps('checks'), steps('checks'), size()]).toEqual([12, 0, whole / 4])
  expect([steps('revocations'), steps('revocations'), size()]).toEqual([4, 0, 0])
  expect(reserve.refill()).toBe(true)
  expect(size()).toBe(whole)
})

test.each<[string, (path: string) => void]>([
  ['is gone', (path) => rmSync(path)],
  ['is shorter', (path) => truncateSync(path, 1000)],
  ['is longer', (path) => writeFileSync(path, Buffer.alloc(whole + 5))],
])('is mended where the file %s', (_, spoil) => {
  const { path, reserve, size } = made()
  reserve.refill()
  spoil(path)
  expect(reserve.refill()).toBe(true)
  expect(size()).toBe(whole)
})

test.each<[string, (path: string, folder: string) => void]>([
  ['a folder', (path) => void mkdirSync(path)],
  ['a link', (path, folder) => symlinkSync(join(folder, 'other'), path)],
])('where %s lies in its place nothing is kept, and nothing is written to it', (_, plant) => {
  const { path, reserve } = made()
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'other'), 'mine')
  plant(path, folder)
  expect(reserve.refill()).toBe(true)
  expect(reserve.release('revocations')).toBe(false)
  expect(statSync(join(folder, 'other')).size).toBe(4)
})
