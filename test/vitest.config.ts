// How the tests are run: everything on SQLite, and on PostgreSQL what depends on the engine and most of what
// starts real servers. With REMIT_TEST_ENGINE=postgres all that has a world or home of its own runs there. In
// the mode `long` (npm run test:long) what takes rounds runs, as many as are promised, and every attack and
// end-to-end test on PostgreSQL. They start from a clean environment: no REMIT_… setting of the developer's
// own reaches them, save REMIT_TEST_….
import { accessSync, constants, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

for (const name of Object.keys(process.env)) {
  if (name.startsWith('REMIT_') && !name.startsWith('REMIT_TEST_')) delete process.env[name]
}

/** What tests write need not outlast a power cut: in memory, where there is some, they wait for no disk. */
function temporaryFolders(): Record<string, string> {
  const memory = '/dev/shm'
  try {
    accessSync(memory, constants.W_OK)
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize > 2 ** 30 ? { TMPDIR: memory } : {}
  } catch {
    return {}
  }
}

const onPostgres = 'test/store/postgres*.test.ts'
const packages = '**/node_modules/**'
const long = 'test/long/**/*.test.ts'
const laws = 'test/properties/**/*.test.ts'

/** What is tried in a few rounds by default and in many by `npm run test:long`, on both engines. */
const inRounds = ['crash', 'power-cuts', 'random-faults', 'upkeep'].map(
  (name) => `test/e2e/${name}.test.ts`,
)

/** Stories that are told of a store in a file, or of the disk under it. */
const ofFiles = [
  'test/operations/full-disk.test.ts',
  ...['backup', 'demo', 'inspector', 'power-cuts', 'readme'].map(
    (name) => `test/e2e/${name}.test.ts`,
  ),
]

/** What HTTP itself is asked, before any store is. */
const ofHttp = ['names', 'misplaced', 'bodies', 'smuggling', 'stalled', 'rates'].map(
  (name) => `test/attacks/http-${name}.test.ts`,
)

/** All that start real servers, and whose rules hold by what a commit, a lock or a follower of changes does. */
const onBoth = [
  'test/e2e/**/*.test.ts',
  ...['races', 'freshness', 'idempotency', 'rotation'].map(
    (name) => `test/attacks/${name}.test.ts`,
  ),
  ...['perform', 'perform-audit', 'standing-answer'].map(
    (name) => `test/operations/${name}.test.ts`,
  ),
]
/** All else that can run on PostgreSQL takes minutes there, and so belongs to the long run. */
const inLongRun = ['test/{attacks,e2e,operations}/**/*.test.ts']
const onlyInLongRun = ['bridge', 'cli', 'notes', 'own-keys', 'proofs', 'start'].map(
  (name) => `test/e2e/${name}.test.ts`,
)
const worlds = ['test/{attacks,operations,properties,authority}/**/*.test.ts']

const {
  REMIT_TEST_POSTGRES: postgres = 'on',
  REMIT_TEST_ENGINE: engine = postgres === 'off' ? 'sqlite' : 'both',
} = process.env

const sqlite = (isLong: boolean) => ({
  extends: true as const,
  test: {
    name: 'sqlite',
    include: isLong ? [long, laws, ...inRounds] : ['test/**/*.test.ts'],
    exclude: [packages, onPostgres, ...(isLong ? [] : [long])],
    env: { REMIT_TEST_ENGINE: 'sqlite', ...temporaryFolders(), ...lengthOf(isLong) },
  },
})

const postgresql = (isLong: boolean) => ({
  extends: true as const,
  test: {
    name: 'postgres',
    include: isLong
      ? ['test/store/postgres-crash.test.ts', ...inLongRun]
      : [onPostgres, ...onBoth, ...(engine === 'postgres' ? worlds : [])],
    exclude: [
      packages,
      ...ofFiles,
      ...ofHttp,
      ...(isLong || engine === 'postgres' ? [] : onlyInLongRun),
    ],
    env: { REMIT_TEST_ENGINE: 'postgres', ...temporaryFolders(), ...lengthOf(isLong) },
    globalSetup: ['test/support/postgres-server.ts'],
  },
})

const lengthOf = (isLong: boolean) => ({ REMIT_TEST_LENGTH: isLong ? 'long' : 'short' })

const chosen = { sqlite: [sqlite], postgres: [postgresql], both: [sqlite, postgresql] }[engine]
if (chosen === undefined) throw new Error('REMIT_TEST_ENGINE is sqlite, postgres or left out')
if (!chosen.includes(postgresql)) process.stderr.write('\nNothing is tested on PostgreSQL.\n\n')

export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    projects: chosen.map((project) => project(mode === 'long')),
    globalSetup: ['.scripts/test-setup.mjs'],
    pool: 'forks',
    // Modules are loaded once for each worker, not once for each file: ours keep nothing between two stores.
    isolate: false,
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
}))
