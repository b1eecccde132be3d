// Everything a change has to pass, quickest first; stops at the first step that fails.
import { spawnSync } from 'node:child_process'

const steps = {
  format: 'oxfmt --check',
  lint: 'oxlint --deny-warnings',
  types: 'tsc -p .',
  'unused code': 'knip',
  tests: 'vitest run --config test/vitest.config.ts',
}

for (const [name, command] of Object.entries(steps)) {
  console.log(`\n== ${name}: ${command}`)
  const started = performance.now()
  const { status } = spawnSync(command, { shell: true, stdio: 'inherit' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  if (status !== 0) {
    console.log(`== ${name} failed after ${seconds} s`)
    process.exit(1)
  }
  console.log(`== ${name} passed in ${seconds} s`)
}
