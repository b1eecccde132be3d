// How the tests are run. They start from a clean environment: no REMIT_… setting of the developer's own reaches
// them, save REMIT_TEST_….
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

for (const name of Object.keys(process.env)) {
  if (name.startsWith('REMIT_') && !name.startsWith('REMIT_TEST_')) delete process.env[name]
}

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
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
