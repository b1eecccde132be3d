// A command is run with a token of its own and without the caller's credential; both its token and the file
// that held it are gone when it has ended.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { initialised } from './command.ts'

/** What a command saw of its environment: its names, and what the token's file is and holds. */
interface Seen {
  readonly names: readonly string[]
  readonly values: string
  readonly path: string
  readonly mode: number
  readonly token: string
}

const script = `
  const { readFileSync, statSync, writeFileSync } = require('node:fs')
  const path = process.env.REMIT_TOKEN_FILE
  const names = Object.keys(process.env).filter((name) => name.startsWith('REMIT_'))
  const values = Object.values(process.env).join(' ')
  const seen = { names, values, path, mode: statSync(path).mode & 0o777, token: readFileSync(path, 'utf8') }
  writeFileSync(process.argv[2], JSON.stringify(seen))
  if (process.argv[3] === 'killed') process.kill(process.pid, 'SIGKILL')
  process.exitCode = Number(process.argv[3])
`

/** A store, and a command that writes down what it saw and then ends as it is told. */
async function made() {
  const run = await initialised()
  const folder = temporaryFolder()
  const [file, out] = [join(folder, 'command.cjs'), join(folder, 'seen.json')]
  writeFileSync(file, script)
  const seen = () => JSON.parse(readFileSync(out, 'utf8')) as Seen
  return { run, out, seen, command: (end: string) => `${process.execPath} ${file} ${out} ${end}` }
}

const asLocal = { REMIT_CREDENTIAL_FILE: 'credentials/local.json' }

test('the command gets a token in a private file, and nothing of the credential', async () => {
  const { run, seen, command } = await made()
  const { agent_id, secret } = JSON.parse(
    readFileSync(join(run.home, asLocal.REMIT_CREDENTIAL_FILE), 'utf8'),
  ) as Record<'agent_id' | 'secret', string>
  const env = { REMIT_AGENT_ID: agent_id, REMIT_AGENT_SECRET: secret }
  const { code, out } = await run(`exec --scopes demo:read -- ${command('0')}`, env)
  expect([code, out]).toEqual([0, ''])
  const { names, values, path, mode, token } = seen()
  expect(names.toSorted()).toEqual(['REMIT_HOME', 'REMIT_TOKEN_FILE'])
  expect(values).not.toContain(secret)
  expect(path.startsWith(join(run.home, 'deliveries'))).toBe(true)
  expect([mode, token.split('.').length]).toEqual([0o600, 3])
})

test('what opens the store itself is no command’s to inherit', async () => {
  const { run, seen, command } = await made()
  const key = readFileSync(join(run.home, 'master.key'), 'utf8').trim()
  const env = { ...asLocal, REMIT_MASTER_KEY: key }
  expect((await run(`exec --scopes demo:read -- ${command('0')}`, env)).code).toBe(0)
  expect(seen().names).not.toContain('REMIT_MASTER_KEY')
  expect(seen().values).not.toContain(key)
})

test.each([
  ['0', 0],
  ['9', 9],
  ['killed', 137],
])('ended by %s it exits %i, and the token is dead and its file gone', async (end, expected) => {
  const { run, seen, command } = await made()
  const { code } = await run(`exec --scopes demo:read -- ${command(end)}`, asLocal)
  expect(code).toBe(expected)
  const { path, token } = seen()
  expect(existsSync(path)).toBe(false)
  const after = await run('whoami --json', { REMIT_TOKEN: token })
  expect([after.code, after.err]).toEqual([4, expect.stringContaining('"invalid_token"')])
})

test('from a token it delegates, and is held to what that allows', async () => {
  const { run, seen, command } = await made()
  const minted = await run(
    'mint-token --scopes demo:read --scopes tokens:delegate --delivery file --json',
    asLocal,
  )
  const { delivery } = minted.json as { delivery: { path: string } }
  const env = { REMIT_TOKEN_FILE: delivery.path }
  expect((await run(`exec --scopes demo:read -- ${command('0')}`, env)).code).toBe(0)
  expect(seen().token).not.toBe(readFileSync(delivery.path, 'utf8'))
  const wider = await run(`exec --scopes demo:write -- ${command('0')}`, env)
  expect([wider.code, wider.err]).toEqual([3, expect.stringContaining('(exceeds_parent)')])
})

test('without scopes, and where the command or the caller is none, nothing runs', async () => {
  const { run, out, command } = await made()
  const codes = [
    await run(`exec -- ${command('0')}`, asLocal),
    await run('exec --scopes demo:read -- /no/such/program', asLocal),
    await run('exec --scopes demo:read', asLocal),
    await run(`exec --scopes demo:read --ttl-seconds 3601 -- ${command('0')}`, asLocal),
    await run(`exec --scopes audit:read -- ${command('0')}`, asLocal),
    await run(`exec --scopes demo:read -- ${command('0')}`, { REMIT_TOKEN: 'x' }),
  ].map(({ code }) => code)
  expect(codes).toEqual([2, 2, 2, 2, 3, 4])
  expect(existsSync(out)).toBe(false)
})
