// The failing disk itself: what it is told to fail fails, in a real process, and nothing else.

import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { faultyDisk } from './support/disk-faults.ts'
import type { Order } from './support/disk-faults.ts'

const writing = `
  const { openSync, writeSync, fsyncSync, readSync } = require('node:fs')
  const said = []
  const attempt = (what, act) => {
    try { act(); said.push(what) } catch (error) { said.push(what + ' ' + error.code) }
  }
  const file = openSync(process.argv[1], 'w+')
  for (let i = 0; i < 3; i++) attempt('write', () => writeSync(file, 'x'.repeat(1000)))
  attempt('sync', () => fsyncSync(file))
  attempt('read', () => readSync(file, Buffer.alloc(10), 0, 10, 0))
  console.log(said.join(', '))`

function run(orders: (folder: string) => readonly Order[]): { said: string; size: number } {
  const folder = temporaryFolder()
  const path = join(folder, 'data')
  const disk = faultyDisk()
  disk.order(...orders(folder))
  const env = { PATH: process.env['PATH'] ?? '', ...disk.env }
  const ran = spawnSync(process.execPath, ['-e', writing, path], { env, encoding: 'utf8' })
  return { said: ran.stdout.trim() || ran.stderr, size: statSync(path).size }
}

test.each<[string, (folder: string) => readonly Order[], string, number]>([
  ['nothing', () => [], 'write, write, write, sync, read', 3000],
  [
    'another file',
    () => [{ fail: 'write', path: 'other' }],
    'write, write, write, sync, read',
    3000,
  ],
  [
    'the second write',
    () => [{ fail: 'write', path: 'data', pass: 1, times: 1 }],
    'write, write EIO, write, sync, read',
    2000,
  ],
  [
    'to sync and to read',
    () => [
      { fail: 'sync', path: 'data' },
      { fail: 'read', path: 'data' },
    ],
    'write, write, write, sync EIO, read EIO',
    3000,
  ],
  [
    'to find more space',
    (folder) => [{ space: 2500, folder }],
    'write, write, write ENOSPC, sync, read',
    2000,
  ],
])('told to fail %s', (_, orders, said, size) => {
  expect(run(orders)).toEqual({ said, size })
})
