// How the tests are run: everything on SQLite, and on PostgreSQL whatever attacks, starts real servers or
// depends on the engine. With REMIT_TEST_ENGINE=postgres all that has a world of its own runs there. They start from a
// clean environment: no REMIT_… setting of the developer's own reaches them, save REMIT_TEST_….
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

for (const name of Object.keys(process.env)) {
  if (name.startsWith('REMIT_') && !name.startsWith('REMIT_TEST_')) delete process.env[name]
}

const onPostgres = 'test/store/postgres*.test.ts'
const everywhere = ['test/long/**', '**/node_modules/**']

/** Of all that has a world or a home of its own. */
const onBoth = [
  'test/{attacks,e2e}/**/*.test.ts',
  ...['mint-token', 'delegate-token', 'revoke-token', 'perform', 'perform-audit'].map(
    (name) => `test/operations/${name}.test.ts`,
  ),
]
const worlds = ['test/{operations,properties,authority}/**/*.test.ts']

const {
  REMIT_TEST_POSTGRES: postgres = 'on',
  REMIT_TEST_ENGINE: engine = postgres === 'off' ? 'sqlite' : 'both',
} = process.env

const sqlite = {
  extends: true as const,
  test: {
    name: 'sqlite',
    include: ['test/**/*.test.ts'],
    exclude: [...everywhere, onPostgres],
    env: { REMIT_TEST_ENGINE: 'sqlite' },
  },
}

const postgresql = {
  extends: true as const,
  test: {
    name: 'postgres',
    include: [onPostgres, ...onBoth, ...(engine === 'postgres' ? worlds : [])],
    exclude: everywhere,
    env: { REMIT_TEST_ENGINE: 'postgres' },
    globalSetup: ['test/support/postgres-server.ts'],
  },
}

const chosen = { sqlite: [sqlite], postgres: [postgresql], both: [sqlite, postgresql] }[engine]
if (chosen === undefined) throw new Error('REMIT_TEST_ENGINE is sqlite, postgres or left out')
if (!chosen.includes(postgresql)) process.stderr.write('\nNothing is tested on PostgreSQL.\n\n')

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    projects: chosen,
    globalSetup: ['.scripts/test-setup.mjs'],
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
})
