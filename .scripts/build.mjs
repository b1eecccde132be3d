// Makes what is started and published: dist/main.js and the program it runs, the packages `remit-mcp/verify` and
// `remit-mcp/sign`, and, when run by itself, their types.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
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
  warm()
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
  warm()
  return true
}

/** Serves once, so that what V8 makes of the program is kept for every start (src/bin.ts); where it cannot, none is. */
function warm() {
  const home = mkdtempSync(join(tmpdir(), 'remit-warm-'))
  const env = {
    PATH: process.env.PATH,
    REMIT_HOME: home,
    REMIT_CREDENTIAL_FILE: 'credentials/local.json',
  }
  const remit = (command, input) =>
    spawnSync(process.execPath, [placeOf('main.js'), command], { env, input, stdio: 'pipe' })
  const clientInfo = { name: 'build', version: '0' }
  const opening = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  const lines = [
    { id: 0, method: 'initialize', params: opening },
    { method: 'notifications/initialized' },
    { id: 1, method: 'tools/list', params: {} },
    { id: 2, method: 'tools/call', params: { name: 'whoami', arguments: {} } },
  ]
  remit('init', '')
  remit('stdio', lines.map((line) => `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`).join(''))
  rmSync(home, { recursive: true, force: true })
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
