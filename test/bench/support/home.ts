// A store in a temporary home, made and opened as `remit init` and `remit stdio` do it: a real file, wal,
// synchronous=full, and the real clock. One more process can have it open at the same time.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initStore, openApp } from '../../../src/app.ts'
import type { Presented } from '../../../src/authority/presented.ts'
import { registerThisServer } from '../../../src/authority/registration.ts'
import { readConfig } from '../../../src/config.ts'
import { operationByName } from '../../../src/operations/index.ts'
import { perform } from '../../../src/operations/perform.ts'
import type { Answer } from '../../../src/operations/perform.ts'

/** The built server, which `npm run bench` brings up to date. */
export const builtServer = fileURLToPath(new URL('../../../dist/main.js', import.meta.url))

export type Home = Awaited<ReturnType<typeof makeHome>>

export async function makeHome(settings: Readonly<Record<string, string>> = {}) {
  const home = mkdtempSync(join(tmpdir(), 'remit-bench-'))
  process.once('exit', () => rmSync(home, { recursive: true, force: true }))
  const env = {
    REMIT_HOME: home,
    REMIT_MAX_CHILDREN: '1000000',
    REMIT_MAX_GRANTS_PER_ROOT: '9000000',
    ...settings,
  }
  const log = { warn: () => undefined, error: () => undefined }
  const config = readConfig(env)
  const made = await initStore(config)
  const app = await openApp(config, { log })
  await registerThisServer(app.context, app.registrationFile)
  const { context } = app
  const as = {
    admin: presentedBy(made.admin.credential_file),
    local: presentedBy(made.local.credential_file),
  }

  const call = (name: string, args: object, environment: Presented) => {
    const operation = operationByName(name)
    if (operation === undefined) throw new Error(`There is no operation ${name}.`)
    return perform(context, operation, { arguments: args, environment })
  }

  return {
    home,
    env,
    localFile: made.local.credential_file,
    context,
    as,
    call,
    /** The answer of a call that must be allowed. */
    async result(...args: Parameters<typeof call>) {
      const answer = await call(...args)
      if (!answer.ok) throw answer.refusal
      return answer
    },
    close: () => app.close(),
  }
}

/** A second process with the same store open, as on a machine with several hosts. */
export async function startNeighbour({ env, localFile }: Home): Promise<() => void> {
  const child = spawn(process.execPath, [builtServer, 'stdio'], {
    env: { ...process.env, ...env, REMIT_CREDENTIAL_FILE: localFile },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return () => child.stdin.end()
}

function presentedBy(file: string): Presented {
  const { agent_id, secret } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  if (agent_id === undefined || secret === undefined) throw new Error(`${file} is no credential.`)
  return { kind: 'secret', agentId: agent_id, presentedSecret: secret }
}

/** The token that a call handed out in its metadata. */
export function tokenIn(answer: Answer): string {
  const token = answer.ok ? answer.meta?.['dev.remit/token'] : undefined
  if (token === undefined) throw new Error('No token was handed out.')
  return token
}
