// What can be checked of the house style by reading the files: short ones, each with an opening word on what it
// holds, nothing left undone, and nothing in them that is true on one machine only.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const notOurs = new Set(['node_modules', 'dist', '.git', '.remit'])
const topLevel = new Set([
  'LICENSE',
  'README.md',
  'db',
  'mcp.json',
  'package-lock.json',
  'package.json',
  'src',
  'test',
  'tsconfig.json',
])

const files = textFilesUnder('').map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))
const sources = files.filter(({ path }) => /^src\/.*\.ts$/.test(path))

test('no source file is longer than 250 lines', () => {
  const lengths = sources.map(({ path, text }) => `${path}: ${text.trimEnd().split('\n').length}`)
  expect(lengths.filter((line) => Number(line.split(': ')[1]) > 250)).toEqual([])
})

test('every source file opens by saying what it holds', () => {
  const opening = /^(?:#!.*\n)?(?:\/\/ ?\S|\/\*\*?\s)/
  expect(sources.filter(({ text }) => !opening.test(text)).map(({ path }) => path)).toEqual([])
})

test('no source file writes to the console', () => {
  expect(linesOf(sources, /\bconsole\./)).toEqual([])
})

test('nothing is left to be done', () => {
  const code = files.filter(({ path }) => /\.(?:ts|mjs|sql)$/.test(path))
  expect(linesOf(code, /\b(?:TO[D]O|FIX[M]E)\b/)).toEqual([])
})

test('no file names a place on one machine', () => {
  expect(linesOf(files, /(?<![\w.*}~-])\/(?:root|work|Users|home\/\w+)\/\w/)).toEqual([])
})

test('the lock file names no registry', () => {
  const locks = files.filter(({ path }) => path === 'package-lock.json' || path === '.npmrc')
  expect(linesOf(locks, /"resolved"|registry\s*=|\/\/[^ ]+:_/)).toEqual([])
})

test('nothing new lies at the top level', () => {
  const names = readdirSync(root).filter((name) => !name.startsWith('.') && !notOurs.has(name))
  expect(names.filter((name) => !topLevel.has(name))).toEqual([])
})

function textFilesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name
    if (notOurs.has(entry.name)) return []
    if (entry.isDirectory()) return textFilesUnder(path)
    return entry.isFile() && !entry.name.endsWith('.log') ? [path] : []
  })
}

function linesOf(among: typeof files, pattern: RegExp): string[] {
  return among.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? `${path}:${index + 1}: ${line.trim()}` : [])),
  )
}
