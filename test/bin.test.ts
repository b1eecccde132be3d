// What a start keeps for the next one is taken only for the program that it was made of.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { initStore } from '../src/app.ts'
import { configOf, temporaryFolder } from './support/temporary.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const kept = 'dist/remit.cjs.compiled'
/** The built package, in a folder of its own, and a store to serve. */
async function installed() {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'dist'))
  for (const name of ['node_modules', 'db']) symlinkSync(join(root, name), join(folder, name))
  for (const name of ['package.json', 'dist/main.js', 'dist/remit.cjs']) {
    copyFileSync(join(root, name), join(folder, name))
  }
  const config = configOf()
  await initStore(config)
  const file = (name: string) => join(folder, name)
  return {
    file,
    read: (name: string) => readFileSync(file(name)),
    names: () => readdirSync(file('dist')).toSorted(),
    /** What a server says until its client leaves, which is at once. */
    start(home = config.home) {
      const env = { PATH: process.env['PATH'], REMIT_HOME: home }
      const args = [file('dist/main.js'), 'stdio']
      return spawnSync(process.execPath, args, { env, encoding: 'utf8', input: '' })
    },
  }
}

test('a server keeps what was compiled for the next one', async () => {
  const at = await installed()
  expect(at.start()).toMatchObject({ status: 0 })
  const first = at.read(kept)
  expect(at.start()).toMatchObject({ status: 0 })
  expect(at.read(kept).equals(first)).toBe(true)
  expect(at.names()).toEqual(['main.js', 'remit.cjs', 'remit.cjs.compiled'])
})

test('one that could not serve keeps nothing', async () => {
  const at = await installed()
  expect(at.start(at.file('nowhere'))).toMatchObject({ status: 7 })
  expect(at.names()).toEqual(['main.js', 'remit.cjs'])
})

test('what was compiled of another program of the same length is not run', async () => {
  const at = await installed()
  at.start()
  const program = at.read('dist/remit.cjs').toString()
  writeFileSync(
    at.file('dist/remit.cjs'),
    program.replaceAll('There is no store', 'THERE IS NO STORE'),
  )
  expect(at.start(at.file('nowhere')).stderr).toContain('THERE IS NO STORE')
})

test.each([
  ['cut', (data: Buffer) => data.subarray(0, data.length >> 1)],
  ['empty', () => Buffer.alloc(0)],
  ['changed in one bit', (data: Buffer) => data.fill((data.at(-1) ?? 0) ^ 1, data.length - 1)],
])('what was kept and is %s is made anew', async (_, damaged) => {
  const at = await installed()
  at.start()
  const wrong = damaged(at.read(kept))
  writeFileSync(at.file(kept), wrong)
  expect(at.start()).toMatchObject({ status: 0 })
  const anew = at.read(kept)
  expect(anew.equals(wrong)).toBe(false)
  at.start()
  expect(at.read(kept).equals(anew)).toBe(true)
})

test('where nothing can be kept, it serves as well and leaves nothing behind', async () => {
  const at = await installed()
  mkdirSync(at.file(kept))
  expect(at.start()).toMatchObject({ status: 0 })
  expect(at.names()).toEqual(['main.js', 'remit.cjs', 'remit.cjs.compiled'])
})
