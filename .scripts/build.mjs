// Makes dist/main.js, the one file that is started and published.
import { chmodSync, readdirSync, renameSync, statSync, utimesSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundle } from './bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const output = `${root}dist/main.js`
const inputs = ['src', 'package.json', 'package-lock.json', 'tsconfig.json', '.scripts']

if (process.argv[1] && pathToFileURL(process.argv[1]).href === import.meta.url) {
  const started = performance.now()
  await build()
  const kilobytes = Math.round(statSync(output).size / 1000)
  console.log(`dist/main.js: ${kilobytes} kB in ${Math.round(performance.now() - started)} ms`)
}

/** Builds dist/main.js if anything it is made from is newer; says whether it did. */
export async function buildIfStale() {
  const built = modified(output)
  if (inputs.every((input) => newest(`${root}${input}`) < built)) return false
  await build()
  return true
}

/** The file appears whole: a process that starts meanwhile runs the old one or the new one. */
async function build() {
  const started = new Date()
  const draft = `${root}dist/.main.${process.pid}.js`
  try {
    await bundle({
      entry: `${root}src/main.ts`,
      outfile: draft,
      banner: '#!/usr/bin/env node\n',
      anchor: `new URL('..', import.meta.url)`,
    })
    chmodSync(draft, 0o755)
    // A file saved while esbuild ran is newer than this, and is built next time.
    utimesSync(draft, started, started)
    renameSync(draft, output)
  } finally {
    await rm(draft, { force: true })
  }
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
