// The README's tables are made from what they describe: the operations, the settings, the codes. A stale one
// fails here, and `npm run docs` makes it anew. What the prose points at has to exist.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type * as z from 'zod'
import { configurationTable } from '../src/config.ts'
import { exitCodeOf, httpStatusOf, Refusal, refusalCodes } from '../src/core/refusal.ts'
import { operations } from '../src/operations/index.ts'
import type { Operation } from '../src/operations/operation.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${root}README.md`, 'utf8')
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}

const tables: Record<string, () => string> = {
  operations: () => table(['operation', 'permission', 'arguments'], operations.map(operationRow)),
  configuration: configurationTable,
  codes: () =>
    table(
      ['code', 'says', 'HTTP', 'exit'],
      refusalCodes.map((code) => [
        `\`${code}\``,
        new Refusal(code).message,
        String(httpStatusOf(code)),
        String(exitCodeOf(code)),
      ]),
    ),
}

test('the tables say what the code says', async () => {
  const fresh = Object.entries(tables).reduce((text, [name, make]) => {
    const [before, after] = [`<!-- ${name} -->\n`, `\n<!-- end of ${name} -->`]
    const [start, end] = [text.indexOf(before), text.indexOf(after)]
    expect([name, start > 0, end > start]).toEqual([name, true, true])
    return `${text.slice(0, start)}${before}\n${make()}\n${text.slice(end)}`
  }, readme)
  await expect(fresh).toMatchFileSnapshot(`${root}README.md`)
})

test('every script, file and section that it names exists', () => {
  const named = Array.from(readme.matchAll(/\bnpm run (\w+)/g), ([, name]) => name ?? '')
  expect(named).not.toEqual([])
  expect(named.filter((name) => !(name in scripts))).toEqual([])
  const links = Array.from(readme.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target ?? '')
  const sections = Array.from(readme.matchAll(/^#+ (.+)$/gm), ([, heading]) => anchorOf(heading))
  const dead = links.filter((target) =>
    target.startsWith('#')
      ? !sections.includes(target.slice(1))
      : !target.startsWith('https://') && !existsSync(`${root}${target}`),
  )
  expect(links).not.toEqual([])
  expect(dead).toEqual([])
})

test('the prose calls no operation that there is not', () => {
  const names = operations.map(({ name }) => name)
  const verbs = [...new Set(names.map((name) => name.split('_')[0]))].join('|')
  const prose = readme.replaceAll(/<!-- (\w+) -->[\s\S]*<!-- end of \1 -->/g, '')
  const code = new RegExp(`['\`]((?:${verbs})_[a-z_]+)['\`]`, 'g')
  const called = new Set(Array.from(prose.matchAll(code), ([, name]) => name ?? ''))
  expect(called.size).toBeGreaterThan(10)
  const args = operations.flatMap(({ input }) => Object.keys(input.shape))
  const known = new Set([...names, ...args])
  expect([...called].filter((name) => !known.has(name))).toEqual([])
})

function operationRow({ name, summary, permission, input }: Operation): string[] {
  const shape = Object.entries(input.shape as Record<string, z.ZodType>)
  const args = shape.map(([arg, type]) => `\`${arg}${type.isOptional() ? '?' : ''}\``)
  return [
    `**\`${name}\`**<br>${summary}`,
    permission.replaceAll(/[a-z_]+:[a-z]+/g, '`$&`'),
    args.join(' ') || '–',
  ]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** As GitHub makes them. */
const anchorOf = (heading = ''): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
