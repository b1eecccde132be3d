// MCP's own conformance suite against the real `remit serve`, in both protocol eras. Each run is compared with
// the list of checks that do not apply (conformance.applies.ts): whatever else fails is a fault, and so is
// what stands there and passes. npx fetches the suite, which asks for a newer Node than ours.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { proxyWith, serveOver, tokenOf } from '../e2e/http.ts'
import { bare, home } from '../e2e/support.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { suites } from './conformance.applies.ts'

const patience = 600_000
const run = promisify(execFile)

test.each(suites)('$name', { timeout: patience }, async ({ version, args, doNotApply, passed }) => {
  const own = await home()
  const { url } = await serveOver(own)
  const proxy = await proxyWith(await tokenOf(own, ['agents:read']), url)
  const results = join(temporaryFolder(), 'results')
  const ran = await runSuite(version, ['server', '--url', `${proxy}/mcp`, ...args, '-o', results])
  if (!existsSync(results)) throw new Error(`the suite did not run: ${ran}`)
  const checks = checksIn(results)
  const failed = checks.filter(({ status }) => status === 'FAILURE')
  expect(failed.map(({ name }) => name).toSorted()).toEqual(
    Object.values(doNotApply).flat().toSorted(),
  )
  const scenarios = new Set(
    checks.flatMap(({ status, scenario }) => (status === 'SUCCESS' ? scenario : [])),
  )
  expect([...scenarios]).toEqual(expect.arrayContaining([...passed]))
})

/** Beside this process, whose proxy it goes through. */
async function runSuite(version: string, args: readonly string[]): Promise<string> {
  const packages = ['node@24', `@modelcontextprotocol/conformance@${version}`]
  const command = [
    'exec',
    '--yes',
    ...packages.map((name) => `--package=${name}`),
    '--',
    'conformance',
  ]
  const env = { ...process.env, ...bare, npm_config_engine_strict: 'false' }
  // Away from our .npmrc, which refuses packages that ask for another Node.
  const options = { cwd: tmpdir(), env, maxBuffer: 64 * 1024 * 1024, timeout: patience }
  // It ends with 1 where anything failed; what did is in its results.
  return run('npm', [...command, ...args], options).then(said, said)
}

const said = ({ stdout = '', stderr = '' }: { stdout?: string; stderr?: string }): string =>
  `${stdout}\n${stderr}`

interface Check {
  readonly scenario: string
  /** `scenario/check`. */
  readonly name: string
  readonly status: string
}

const checksIn = (results: string): Check[] =>
  readdirSync(results).flatMap((folder) => {
    const scenario = /^server-(.*)-\d{4}-\d\d-\d\dT/.exec(folder)?.[1] ?? folder
    const file = readFileSync(join(results, folder, 'checks.json'), 'utf8')
    const checks = JSON.parse(file) as { id: string; status: string }[]
    return checks.map(({ id, status }) => ({ scenario, name: `${scenario}/${id}`, status }))
  })
