// Ends a test run in CI: prints 'N passed, N failed' from vitest's JSON report, and gives the exit code. A run that
// crashed, or in which nothing ran, has failed whatever it counted.
// Usage: node .scripts/tally.mjs REPORT.json EXIT-CODE-OF-VITEST
import { readFileSync } from 'node:fs'

const [file, exitCode] = process.argv.slice(2)
const report = read(file)
const files = report.testResults
const tests = files.flatMap((result) => result.assertionResults)
const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length

// A file that cannot be loaded, or whose set-up throws, fails without a failed test in it.
const brokenFiles = files.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
)
const passed = count('passed')
const failed = count('failed') + brokenFiles.length
const skipped = tests.length - passed - count('failed')

for (const { name } of brokenFiles) console.log(`could not be run: ${name}`)
if (passed + failed === 0) console.log('no test was run')
if (exitCode !== '0' && failed === 0) console.log(`the tests ended with exit code ${exitCode}`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = exitCode === '0' && failed === 0 && passed > 0 ? 0 : 1

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}
