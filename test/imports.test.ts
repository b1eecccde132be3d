// Who may import whom. Imports run inward only: core ← crypto, store ← authority ← operations ← transports, cli ←
// app, main. The table is the rule; a place that is not in it may import nothing of ours.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

/** `types of X` allows `import type` only. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  crypto: ['core'],
  store: ['core', 'crypto'],
  sign: ['core', 'crypto'],
  config: ['core'],
  authority: ['core', 'crypto', 'store', 'config'],
  operations: ['core', 'crypto', 'store', 'authority'],
  verify: ['core', 'crypto'],
  transports: ['core', 'operations', 'types of authority'],
  cli: ['core', 'operations', 'types of authority', 'config'],
  app: [
    'core',
    'crypto',
    'sign',
    'store',
    'config',
    'authority',
    'operations',
    'transports',
    'cli',
  ],
  main: ['app', 'cli', 'config'],
  bin: [],
}

/** The table of operations, and the face of the package `remit-mcp/verify`. */
const barrels = new Set(['operations/index.ts', 'verify.ts', 'sign.ts'])

const source = new URL('../src/', import.meta.url)
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .toSorted()

test('imports run inward only, and name the file they mean', () => {
  const offences = files.flatMap((file) =>
    offencesOf(file, readFileSync(new URL(file, source), 'utf8')),
  )
  expect(offences).toEqual([])
})

test.each([
  ['core/scope.ts', `import { a } from './name.ts'`, []],
  ['store/agents.ts', `import {\n  a,\n} from '../core/id.ts'`, []],
  ['transports/mcp.ts', `import type { A } from '../authority/caller.ts'`, []],
  ['operations/index.ts', `export { a } from './whoami.ts'`, []],
  ['app.ts', `const { a } = await import('./store/postgres.ts')`, []],
  ['core/scope.ts', `import { z } from 'zod'`, []],
  ['core/scope.ts', `// import { a } from '../store/b.ts'`, []],
  ['core/scope.ts', `import { a } from '../store/b.ts'`, ['core may not import ../store/b.ts']],
  ['core/scope.ts', `import '../app.ts'`, ['core may not import ../app.ts']],
  [
    'crypto/a.ts',
    `export { a } from '../store/b.ts'\nexport const c = 1`,
    ['crypto may not import ../store/b.ts'],
  ],
  ['store/a.ts', `type A = import('../config.ts').A`, ['store may not import ../config.ts']],
  ['core/a.ts', `import type { A } from '../app.ts'`, ['core may not import ../app.ts']],
  ['core/a.ts', `const b = await import('../app.ts')`, ['core may not import ../app.ts']],
  ['transports/a.ts', `import { b } from '../cli/b.ts'`, ['transports may not import ../cli/b.ts']],
  [
    'transports/a.ts',
    `import { b } from '../authority/b.ts'`,
    ['transports may import only types of ../authority/b.ts'],
  ],
  [
    'cli/a.ts',
    `import { type B } from '../authority/b.ts'`,
    ['cli may import only types of ../authority/b.ts'],
  ],
  ['main.ts', `import { a } from './core/a.ts'`, ['main may not import ./core/a.ts']],
  ['utils/a.ts', `import { a } from '../core/a.ts'`, ['utils may not import ../core/a.ts']],
  ['core/a.ts', `import { b } from './b'`, ['./b does not end in .ts']],
  ['core/a.ts', `import { b } from './b.js'`, ['./b.js does not end in .ts']],
  ['core/a.ts', `import { b } from '../../db/b.ts'`, ['../../db/b.ts is outside src']],
  ['core/index.ts', `export const a = 1`, ['index.ts: a barrel']],
  ['core/a.ts', `export const a = 1\nexport * from './b.ts'`, ['export * from ./b.ts: a barrel']],
  [
    'core/all.ts',
    `// All.\nexport { a } from './b.ts'\nexport type { C } from './c.ts'`,
    ['nothing but re-exports: a barrel'],
  ],
] as const)('%s with %j: %j', (file, text, expected) => {
  expect(offencesOf(file, text)).toEqual(expected.map((offence) => `src/${file}: ${offence}`))
})

function offencesOf(file: string, text: string): string[] {
  const found = importsOf(text)
  const offences = found.flatMap(({ target, typeOnly }) => offenceOf(file, target, typeOnly) ?? [])
  return [...offences, ...barrelOf(file, text)].map((offence) => `src/${file}: ${offence}`)
}

function offenceOf(file: string, target: string, typeOnly: boolean): string | undefined {
  if (!target.startsWith('.')) return undefined
  if (!target.endsWith('.ts')) return `${target} does not end in .ts`
  const path = posix.join(posix.dirname(file), target)
  if (path.startsWith('..')) return `${target} is outside src`
  const [from, to] = [placeOf(file), placeOf(path)]
  const allowed = mayImport[from] ?? []
  const isOwn = from === to && from in mayImport
  if (isOwn || allowed.includes(to)) return undefined
  if (!allowed.includes(`types of ${to}`)) return `${from} may not import ${target}`
  return typeOnly ? undefined : `${from} may import only types of ${target}`
}

function barrelOf(file: string, text: string): string[] {
  if (barrels.has(file)) return []
  if (posix.basename(file) === 'index.ts') return ['index.ts: a barrel']
  const star = /^export\s+(?:type\s+)?\*.*?from\s*['"](.+?)['"]/m.exec(text)
  if (star) return [`export * from ${star[1]}: a barrel`]
  const code = withoutComments(text).trim()
  const rest = code.replaceAll(statement, '').trim()
  return code !== '' && rest === '' && /^export/m.test(code)
    ? ['nothing but re-exports: a barrel']
    : []
}

/** The folder or single file right under src. */
const placeOf = (path: string): string => (path.split('/')[0] ?? '').replace(/\.ts$/, '')

const statement =
  /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w$*{},\s]+?\s*from\s*)?['"]([^'"\n]+)['"];?/gm
const expression = /\bimport\(\s*['"]([^'"\n]+)['"]/g

function importsOf(text: string): { target: string; typeOnly: boolean }[] {
  const code = withoutComments(text)
  return [
    ...Array.from(code.matchAll(statement), ([, type, target]) => ({
      target: target ?? '',
      typeOnly: type !== undefined,
    })),
    ...Array.from(code.matchAll(expression), ([, target]) => ({
      target: target ?? '',
      typeOnly: false,
    })),
  ]
}

/** Only whole-line comments: an import after code on one line is not how anyone writes. */
const withoutComments = (text: string): string =>
  text.replaceAll(/^\s*\/\/.*$/gm, '').replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, '')
