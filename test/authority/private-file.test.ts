// Files of one's own, and the master key among them.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadMasterKey, loadOrCreateMasterKey } from '../../src/authority/master-key.ts'
import {
  folderFault,
  makePrivateFolder,
  readPrivateFile,
  replacePrivateFile,
  writePrivateFile,
} from '../../src/authority/private-file.ts'
import { StoreProblem } from '../../src/store/problem.ts'
import { temporaryFolder } from '../support/temporary.ts'

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

test('a new file is private and whole, and is never written over', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'secret')
  writePrivateFile(path, 'one')
  expect([modeOf(path), readPrivateFile(path)]).toEqual(['600', { ok: true, text: 'one' }])
  expect(() => writePrivateFile(path, 'two')).toThrow(/EEXIST/)
  expect(readFileSync(path, 'utf8')).toBe('one')
  expect(readdirSync(folder)).toEqual(['secret'])
})

test('a file is replaced in one step, whatever was there', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'secret')
  const target = join(folder, 'target')
  writeFileSync(target, 'untouched')
  symlinkSync(target, path)
  replacePrivateFile(path, 'two')
  expect([modeOf(path), readPrivateFile(path)]).toEqual(['600', { ok: true, text: 'two' }])
  expect(readFileSync(target, 'utf8')).toBe('untouched')
})

test('a file is not planted through a link', () => {
  const folder = temporaryFolder()
  const target = join(folder, 'target')
  symlinkSync(target, join(folder, 'secret'))
  expect(() => writePrivateFile(join(folder, 'secret'), 'x')).toThrow(/EEXIST/)
  expect(existsSync(target)).toBe(false)
})

test.each([
  [0o600, undefined],
  [0o400, undefined],
  [0o640, 'is open to other users (mode 640); close it with chmod 600'],
  [0o620, 'is open to other users (mode 620); close it with chmod 600'],
  [0o606, 'is open to other users (mode 606); close it with chmod 600'],
])('mode %o: %s', (mode, why) => {
  const path = join(temporaryFolder(), 'secret')
  writeFileSync(path, 'x')
  chmodSync(path, mode)
  const read = readPrivateFile(path)
  expect(read.ok ? undefined : read.why).toBe(why)
})

test('a folder is made private, an empty one is closed, a used one is judged', () => {
  const root = temporaryFolder()
  const [fresh, empty, used] = ['fresh', 'empty', 'used'].map((name) => join(root, name))
  mkdirSync(empty ?? '', { mode: 0o755 })
  mkdirSync(join(used ?? '', 'x'), { recursive: true })
  chmodSync(used ?? '', 0o755)
  for (const path of [fresh, empty, used]) makePrivateFolder(path ?? '')
  expect([fresh, empty, used].map((path) => folderFault(path ?? ''))).toEqual([
    undefined,
    undefined,
    'is open to other users (mode 755); close it with chmod 700',
  ])
})

const key = Buffer.alloc(32, 9)

test('a master key is made once and then kept', () => {
  const home = temporaryFolder()
  const made = loadOrCreateMasterKey({ home })
  expect(made).toHaveLength(32)
  expect(modeOf(join(home, 'master.key'))).toBe('600')
  expect(loadOrCreateMasterKey({ home })).toEqual(made)
  expect(loadMasterKey({ home })).toEqual(made)
})

test('a key that the operator names wins, and then none is made', () => {
  const home = temporaryFolder()
  const masterKeyFile = join(home, 'elsewhere')
  writePrivateFile(masterKeyFile, key.toString('base64'))
  expect(loadOrCreateMasterKey({ home, masterKeyFile })).toEqual(key)
  expect(loadMasterKey({ home, masterKey: () => key.toString('base64') })).toEqual(key)
  expect(existsSync(join(home, 'master.key'))).toBe(false)
})

test.each([
  ['nothing', ''],
  ['31 bytes', Buffer.alloc(31).toString('base64')],
  ['33 bytes', Buffer.alloc(33).toString('base64')],
  ['another alphabet', Buffer.alloc(32, 0xfb).toString('base64url')],
  ['no padding', key.toString('base64').replace('=', '')],
  ['bits that are not there', key.toString('base64').replace('k=', 'l=')],
  ['hex', key.toString('hex')],
  ['space around it', ` ${key.toString('base64')}`],
])('a master key of %s is refused', (_name, text) => {
  const home = temporaryFolder()
  writePrivateFile(join(home, 'master.key'), text)
  expect(() => loadMasterKey({ home })).toThrow(StoreProblem)
  expect(() => loadMasterKey({ home, masterKey: () => text })).toThrow('base64 of 32 bytes')
})

test('where init finds an unusable master key, it does not make another', () => {
  const home = temporaryFolder()
  writeFileSync(join(home, 'master.key'), key.toString('base64'), { mode: 0o644 })
  expect(() => loadOrCreateMasterKey({ home })).toThrow(/chmod 600/)
})
