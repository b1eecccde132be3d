// `remit exec`: runs a command with a token of its own in place of the caller's credential, which is out of the
// environment by then. The token's grant ends with the command, and its file goes.

import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { constants } from 'node:os'
import type { ExecAsked, Session } from '../cli/host.ts'
import type { Environment } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import { ask } from './ask.ts'

/** Returns the exit code of the command; 128 and the number of the signal that ended it, as shells do. */
export async function execute(
  session: Session,
  { command, scopes, ttl }: ExecAsked,
  env: Environment,
): Promise<number> {
  const made = await ask(
    session,
    session.environment.kind === 'token' ? 'delegate_token' : 'mint_token',
    { scopes, delivery: 'file', ...(ttl !== undefined && { ttl_seconds: ttl }) },
  )
  const { path } = made['delivery'] as { readonly path: string }
  try {
    return await run(command, { ...env, REMIT_TOKEN_FILE: path })
  } finally {
    await rm(path, { force: true })
    await ask(session, 'revoke_token', { grant_id: made['grant_id'], cause: 'The command ended.' })
  }
}

const passedOn = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** Signals go to the command, so that this process is there to end what it made. */
function run([file, ...args]: ExecAsked['command'], env: Environment): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit', env })
    const pass = (signal: NodeJS.Signals) => void child.kill(signal)
    const done = () => passedOn.forEach((signal) => process.off(signal, pass))
    passedOn.forEach((signal) => process.on(signal, pass))
    child.once('error', (error: NodeJS.ErrnoException) => {
      done()
      reject(notRun(file, error))
    })
    child.once('exit', (code, signal) => {
      done()
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL'])
    })
  })
}

const notRun = (file: string, { code }: NodeJS.ErrnoException): Refusal =>
  new Refusal('invalid_request', {
    message: `${file} cannot be run (${code ?? 'unknown'}).`,
    remedy: { text: 'Name a program that is there and may be run.' },
  })
