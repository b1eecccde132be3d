// What the README shows is run as it stands, in a folder that looks like the project after `npm run demo`.
import { execFile } from 'node:child_process'
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { bare, home } from './support.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(`${root}README.md`, 'utf8')

/** The first block of a language below a heading. */
function block(heading: string, language: string): string {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1]
  if (found === undefined) throw new Error(`no ${language} below ${heading}`)
  return found
}

/** The address in the text is to be the one that is served, so that the port is chosen before. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A folder with the built program and a store of its own. */
async function project() {
  const folder = temporaryFolder()
  for (const name of ['dist', 'node_modules', 'mcp.json']) {
    symlinkSync(`${root}${name}`, join(folder, name))
  }
  await home(join(folder, '.remit'))
  return { folder, env: { ...bare, HOME: folder } }
}

test('delegating to a sub-agent does what is said there', async () => {
  const { folder, env } = await project()
  const { code } = await transform(block('Delegate to a sub-agent', 'ts'), { loader: 'ts' })
  writeFileSync(join(folder, 'delegate.mjs'), code)
  const { stdout } = await run(process.execPath, ['delegate.mjs'], { cwd: folder, env })
  expect(JSON.parse(stdout)).toEqual({
    decision_id: expect.stringMatching(/^evt_/),
    allowed: false,
    results: [
      {
        permission: 'demo/reports/2026:read',
        allowed: true,
        code: 'allowed',
        matched_scope: 'demo/reports/**:read',
      },
      {
        permission: 'demo/reports/2026:delete',
        allowed: false,
        code: 'insufficient_scope',
        missing_at: expect.stringMatching(/^grt_/),
        remedy: {
          text: expect.any(String),
          operation: 'delegate_token',
          arguments: { to: 'local', scopes: ['demo/reports/2026:delete'] },
        },
      },
    ],
  })
})

test('that code is TypeScript which compiles', async () => {
  const folder = temporaryFolder()
  symlinkSync(`${root}node_modules`, join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'delegate.ts'), block('Delegate to a sub-agent', 'ts'))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext']
  const args = [`${root}node_modules/typescript/bin/tsc`, ...options, '--types', 'node']
  const { stdout } = await run(process.execPath, [...args, 'delegate.ts'], { cwd: folder })
  expect(stdout).toBe('')
})

test('the command lines run one after the other', async () => {
  const { folder, env } = await project()
  const script = block('Command line', 'sh')
  expect(script.match(/^node dist\/main\.js/gm)).toHaveLength(5)
  const { stdout } = await run('bash', ['-euc', script], { cwd: folder, env })
  expect(stdout).toMatch(/^ok {2}registration/m)
  expect(stdout).toMatch(/^└─ reader {2}demo\/reports\/\*\*:read {2}\[live\]/m)
  expect(stdout).toMatch(/^ok: true$/m)
})

test('a client gets tokens, exchanges, looks at and ends them with curl', async () => {
  const { folder, env } = await project()
  const port = String(await freePort())
  const script = block('OAuth', 'sh').replaceAll('8420', port)
  const { stdout } = await run('bash', ['-euc', script], {
    cwd: folder,
    env: { ...env, REMIT_HTTP_PORT: port },
  })
  const [metadata, before, revoked, after] = stdout.replaceAll('}{', '}\n{').split('\n')
  expect(JSON.parse(metadata ?? '')).toMatchObject({ issuer: `http://127.0.0.1:${port}` })
  expect(JSON.parse(before ?? '')).toMatchObject({ active: true, scope: 'demo/reports/**:read' })
  expect([revoked, after]).toEqual(['{}', '{"active":false}'])
})

test('an agent gets keys, proves itself by one, and opens what was sealed to the other', async () => {
  const { folder, env } = await project()
  const bash = (heading: string) =>
    run('bash', ['-euo', 'pipefail', '-c', block(heading, 'sh')], { cwd: folder, env })
  expect((await bash('API keys')).stdout).toMatch(/^method: api_key$/m)
  const { stdout } = await bash('Private keys instead of secrets')
  expect(stdout).toMatch(/^method: client_assertion$/m)
  const { stderr } = await bash('Handing out secrets and tokens')
  expect(stderr).toMatch(/^grt_\w{26} is in token\.txt, good until /m)
  const path = join(folder, 'token.txt')
  expect(readFileSync(path, 'utf8')).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+$/)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('an agent comes with a certificate of the embedded authority', async () => {
  const { folder, env } = await project()
  const port = String(await freePort())
  const script = block('Client certificates', 'sh').replaceAll('8420', port)
  const { stdout } = await run('bash', ['-euc', script], {
    cwd: folder,
    env: { ...env, REMIT_HTTP_PORT: port },
  })
  const said = stdout.split('\n').find((line) => line.startsWith('{')) ?? ''
  expect(JSON.parse(said)).toMatchObject({ agent: { name: 'local' }, method: 'x509' })
})

test.each<[string, string, unknown]>([
  ['Tokens bound to a key', '[proven.isError, without.isError]', [null, true]],
  ['Signed requests', 'structuredContent.agent_name', 'local'],
  ['Mutual authentication', 'believed.ok', true],
])('the code of “%s” does what is said there', async (heading, shown, expected) => {
  const { folder, env } = await project()
  symlinkSync(`${root}package.json`, join(folder, 'package.json'))
  const client = block('Delegate to a sub-agent', 'ts').split('\nconst scopes')[0] ?? ''
  const own = block(heading, 'ts')
    .replace('await remit.callTool({ ...call, _meta: meta })', 'const without = $&')
    .replace(/^await remit.callTool\(\{ \.\.\.call/m, 'const proven = $&')
  const end = `console.log(JSON.stringify(${shown}))\nawait remit.close()`
  const { code } = await transform([client, own, end].join('\n'), { loader: 'ts' })
  writeFileSync(join(folder, 'example.mjs'), code)
  const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: folder, env })
  expect(JSON.parse(stdout)).toEqual(expected)
})

test('the entry for clients differs from mcp.json in its paths alone', () => {
  const entry = block('Add it to a client', 'json').replaceAll('/path/to/remit/', '')
  expect(JSON.parse(entry)).toEqual(JSON.parse(readFileSync(`${root}mcp.json`, 'utf8')))
})

test('the tree of the introduction is the one that the demo draws', () => {
  const story = readFileSync(`${root}test/e2e/demo.story.txt`, 'utf8')
  const drawn = block('The idea', '').trimEnd().split('\n')
  const grants = drawn.map((line) => line.split(/ {3,}/)[0]?.trimEnd() ?? '')
  expect(grants).toHaveLength(4)
  for (const grant of grants) expect(story).toContain(`${grant}  [live]`)
})
