// mcp.json as it stands, tried with the command line of MCP Inspector. npx fetches that one: as a dependency
// it would be half of all packages again, and it asks for a newer Node than ours, which only its command
// line can do without. Where it cannot be fetched, a test of that name says so.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { shared } from '../support/shared.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { serveOver, tokenOf } from './http.ts'
import { answerOf, bare, home, local, main } from './support.ts'
import type { Answer, Fields } from './support.ts'

const inspector = '@modelcontextprotocol/inspector@2.12.0'
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/
const patience = 60_000

const fetched = fetchInspector()
const isHere = fetched.status === 0
if (!isHere) notTested(`${fetched.stderr}\n${String(fetched.error ?? '')}`)

function notTested(why: string): void {
  process.stderr.write(`remit: ${inspector} was not fetched, so mcp.json was not tried: ${why}\n`)
  test(`NOT TESTED: mcp.json with ${inspector}, for want of the npm registry`, ({ skip }) => {
    expect(why).toMatch(unreachable)
    skip('the npm registry cannot be reached')
  })
}

test.runIf(isHere)(
  'the tools of mcp.json are those of the agent local, and the Inspector finds no error in them',
  { timeout: patience },
  async () => {
    const { inspect } = await project()
    const { answer, stderr } = inspect('tools/list')
    const names = (answer as { tools: { name: string }[] }).tools.map(({ name }) => name)
    expect(names).toContain('mint_token')
    expect(names).toContain('delegate_token')
    expect(names).not.toContain('register_agent')
    expect(stderr).toMatch(/Schema portability: 0 errors/)
  },
)

test.runIf(isHere)(
  'the Inspector mints, delegates and is refused with a reason',
  { timeout: patience },
  async () => {
    const { call } = await project()
    const root = call('mint_token', ['scopes=["demo:read","tokens:delegate"]'])
    expect(root).toMatchObject({
      code: 'allowed',
      result: { scopes: ['demo:read', 'tokens:delegate'], delivery: { kind: 'handle' } },
    })
    const act_as = `act_as=${String(root.result['grant_id'])}`
    const child = call('delegate_token', ['scopes=["demo:read"]', act_as])
    expect(child).toMatchObject({
      code: 'allowed',
      result: { depth: 1, lineage: [root.result['grant_id']] },
    })
    const refused = call('delegate_token', ['scopes=["demo:delete"]', act_as])
    expect(refused.result).toMatchObject({
      error: {
        code: 'exceeds_parent',
        missing: ['demo:delete'],
        missing_at: root.result['grant_id'],
        remedy: { operation: 'list_permissions' },
      },
    })
  },
)

describe.runIf(isHere)('over HTTP', () => {
  const served = shared(async () => {
    const own = await home()
    const { url } = await serveOver(own)
    return { url, token: await tokenOf(own, ['demo:read'], local) }
  })

  test.each(['legacy', 'modern'])(
    'the Inspector is answered in the %s era, by its token alone',
    { timeout: 3 * patience },
    (era) => {
      const { url, token } = served()
      const asked = (...headers: readonly string[]) => {
        const target = ['--cli', `${url}/mcp`, '--transport', 'http', '--protocol-era', era]
        const call = ['--method', 'tools/call', '--tool-name', 'whoami']
        const env = { ...bare, HOME: temporaryFolder(), MCP_INSPECTOR_SECRET_STORE: 'memory' }
        const command = [fetched.stdout.trim(), ...target, ...headers, ...call]
        return spawnSync(process.execPath, command, { env, encoding: 'utf8' })
      }
      const answered = asked('--header', `Authorization: Bearer ${token}`)
      expect(answerOf(JSON.parse(answered.stdout) as object)).toMatchObject({
        code: 'allowed',
        result: { agent: { name: 'local' }, method: 'token' },
      })
      expect(asked('--header', 'Authorization: Bearer x.y.z').status).not.toBe(0)
    },
  )
})

/** A folder like a checkout after `npm run demo`: mcp.json, the built file and `.remit`. */
async function project() {
  const folder = temporaryFolder()
  await home(join(folder, '.remit'))
  copyFileSync(join(dirname(main), '..', 'mcp.json'), join(folder, 'mcp.json'))
  symlinkSync(dirname(main), join(folder, 'dist'))
  const own = join(folder, 'home')
  mkdirSync(own)
  const run = (args: readonly string[]) => {
    const server = ['--cli', '--config', 'mcp.json', '--server', 'remit']
    const env = { ...bare, HOME: own, MCP_INSPECTOR_SECRET_STORE: 'memory' }
    const command = [fetched.stdout.trim(), ...server, ...args]
    return spawnSync(process.execPath, command, { cwd: folder, env, encoding: 'utf8' })
  }
  const inspect = (method: string, more: readonly string[] = []) => {
    const { stdout, stderr } = run(['--method', method, ...more])
    if (stdout === '') throw new Error(`the Inspector said nothing but: ${stderr}`)
    return { answer: JSON.parse(stdout) as Fields, stderr }
  }
  const call = (tool: string, args: readonly string[]): Answer => {
    const flags = args.flatMap((arg) => ['--tool-arg', arg])
    return answerOf(inspect('tools/call', ['--tool-name', tool, ...flags]).answer)
  }
  return { inspect, call }
}

/** Where npx keeps its command; away from our .npmrc, which refuses packages that ask for another Node. */
function fetchInspector() {
  const command = ['exec', '--yes', `--package=${inspector}`, '-c', 'command -v mcp-inspector']
  const env = { ...process.env, npm_config_engine_strict: 'false', npm_config_fetch_retries: '0' }
  return spawnSync('npm', command, { cwd: tmpdir(), env, encoding: 'utf8', timeout: patience })
}
