// The beginning of the story: a store, a server that registers itself, and three agents.

import { statSync } from 'node:fs'
import { because, callerOn, textOf, within } from './calls.ts'
import type { Caller } from './calls.ts'
import type { Page } from './page.ts'
import { promised } from './promise.ts'
import type { Stage } from './stage.ts'

/** The credential file of each agent, by name. */
export type Files = Readonly<Record<'orchestrator' | 'researcher' | 'writer', string>>

const cast = {
  orchestrator: {
    description: 'Plans the work and hands it out.',
    ceiling: ['docs:*', 'tokens:delegate'],
  },
  researcher: {
    description: 'Reads, and asks others to summarise.',
    ceiling: ['docs:read', 'tokens:delegate'],
  },
  writer: {
    description: 'Summarises and drafts.',
    ceiling: ['docs:read', 'docs/drafts/**:write'],
  },
} as const

/** A registration that is in order but for who asks. */
const another = {
  name: 'another',
  version: '1',
  public_jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  tools: [],
  resource_types: [],
}

export async function makeStore({ step, say }: Page, stage: Stage): Promise<void> {
  step('A store is made')
  await stage.init()
  say(
    '`remit init` made a database, a master key, an administrator and a registration credential for this server, in a temporary folder that goes when the story ends.',
  )
}

export async function registerServer({ step, say, yes, no }: Page, stage: Stage): Promise<Caller> {
  step('The server registers itself')
  const admin = callerOn(await stage.start('credentials/admin.json'))
  const server = within(await admin.allowed('server_status'), 'server')
  promised(typeof server['registered_at'] === 'number', 'the server is registered')
  promised(!('registration_expires_at' in server), 'its registration credential is redeemed')
  const seen = await admin.allowed('query_audit', {
    operation: 'register_mcp_server',
    outcome: 'allowed',
  })
  const event = within(seen, 'events', '0')
  promised(event['target'] === server['id'], 'the registration is in the audit')
  const presented = within(seen, 'events', '0', 'presented')
  promised(presented['method'] === 'registration', 'a registration credential was presented')
  yes(`${server['name']} ${server['version']} is registered as ${server['id']}`)
  say(
    'At its first start it presented a registration credential, which is redeemed once and binds the server to its own key. That is another relation than an agent’s, and the two are never mixed up: even the administrator’s credential registers no server.',
  )
  const refusal = await admin.refused('register_mcp_server', 'wrong_credential_class', another)
  no('admin  register_mcp_server', ...because(refusal))
  return admin
}

export async function registerAgents({ step, say, yes }: Page, admin: Caller): Promise<Files> {
  step('The administrator registers three agents')
  await admin.allowed('register_resource_type', {
    type: 'docs',
    operations: ['read', 'write'],
    description: 'What the team reads and writes.',
  })
  const files: Record<string, string> = {}
  for (const [name, { description, ceiling }] of Object.entries(cast)) {
    const answer = await admin.allowed('register_agent', {
      name,
      description,
      owner: 'team-docs',
      ceiling: [...ceiling],
    })
    const path = textOf({ ...answer, result: within(answer, 'delivery') }, 'path')
    promised((statSync(path).mode & 0o077) === 0, `only its owner can read the secret of ${name}`)
    files[name] = path
    yes(`${name.padEnd(12)}  at most ${ceiling.join(' ')}`)
  }
  say(
    'Each secret went into a file that only its owner can read. None passed through the conversation: secrets never enter a model’s context.',
  )
  return files as Files
}
