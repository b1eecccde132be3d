// Makes what is started and published: dist/main.js and the program it runs, the packages `remit-mcp/verify` and `remit-mcp/sign`, and,
// when run by itself, their types.
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundle } from './bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const outputs = [
  { entry: 'src/bin.ts', file: 'main.js', banner: '#!/usr/bin/env node\n' },
  { entry: 'src/main.ts', file: 'remit.cjs' },
  { entry: 'src/verify.ts', file: 'verify.js' },
  { entry: 'src/sign.ts', file: 'sign.js' },
]
const inputs = ['src', 'package.json', 'package-lock.json', 'tsconfig.json', '.scripts']

if (process.argv[1] && pathToFileURL(process.argv[1]).href === import.meta.url) {
  const started = performance.now()
  await Promise.all([...outputs.map(build), buildTypes(`${root}dist/types`)])
  const sizes = outputs.map(({ file }) => {
    const { size } = statSync(placeOf(file))
    return `dist/${file} ${Math.round(size / 1000)} kB`
  })
  console.log(`${sizes.join(', ')}, in ${Math.round(performance.now() - started)} ms`)
}

/** Builds if anything that is built is older than what it is made from; says whether it did. */
export async function buildIfStale() {
  const built = Math.min(...outputs.map(({ file }) => modified(placeOf(file))))
  if (inputs.every((input) => newest(`${root}${input}`) < built)) return false
  await Promise.all(outputs.map(build))
  return true
}

/** Each file appears whole: a process that starts meanwhile runs the old one or the new one. */
async function build({ entry, file, banner }) {
  const started = new Date()
  const draft = `${root}dist/.${process.pid}.${file}`
  try {
    await bundle({
      entry: `${root}${entry}`,
      outfile: draft,
      banner,
    })
    if (banner !== undefined) chmodSync(draft, 0o755)
    // A file saved while esbuild ran is newer than this, and is built next time.
    utimesSync(draft, started, started)
    renameSync(draft, placeOf(file))
  } finally {
    await rm(draft, { force: true })
  }
}

/** What TypeScript says of both packages, and of what they are made of. */
export async function buildTypes(folder) {
  const flags =
    '--ignoreConfig --declaration --emitDeclarationOnly --target es2023 --lib es2023 --module nodenext --types node'
  const entries = [`${root}src/verify.ts`, `${root}src/sign.ts`]
  const more = ['--strict', '--skipLibCheck', '--allowImportingTsExtensions']
  const args = [...flags.split(' '), ...more, ...entries]
  rmSync(folder, { recursive: true, force: true })
  const tsc = `${root}node_modules/.bin/tsc`
  const { status } = spawnSync(tsc, [...args, '--outDir', folder], { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error('The types could not be made.')
}

function placeOf(file) {
  return `${root}dist/${file}`
}

/** The latest change in a folder or of a file; a folder changes when a file in it is added or removed. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return -Infinity
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(resolve(path, name))))
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity
}
