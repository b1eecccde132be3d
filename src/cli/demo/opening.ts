// The beginning of the story: a store, a server that registers itself, and three agents.

import { statSync } from 'node:fs'
import { callerOn, textOf, within } from './calls.ts'
import type { Caller } from './calls.ts'
import type { Page } from './page.ts'
import { promised } from './promise.ts'
import type { Connection, Stage } from './stage.ts'

/** The credential file of each agent, by name. */
export type Files = Readonly<Record<'orchestrator' | 'researcher' | 'writer', string>>

const cast = {
  orchestrator: {
    description: 'Plans the work and hands it out.',
    ceiling: ['documents:*', 'tokens:delegate'],
  },
  researcher: {
    description: 'Reads, and asks others to summarise.',
    ceiling: ['documents:read', 'tokens:delegate'],
  },
  writer: {
    description: 'Summarises and drafts.',
    ceiling: ['documents:read', 'documents/drafts/**:write'],
  },
} as const

export async function makeStore({ step, say }: Page, stage: Stage): Promise<void> {
  step('A store is made')
  await stage.init()
  say(
    '`remit init` made a database, a master key, an administrator and a registration',
    'credential for this server, in a temporary folder that goes when the story ends.',
  )
}

export async function registerServer(
  { step, say, yes }: Page,
  stage: Stage,
): Promise<{ readonly admin: Caller; readonly connection: Connection }> {
  step('The server registers itself')
  const connection = await stage.start('credentials/admin.json')
  const admin = callerOn(connection)
  const server = within(await admin.allowed('server_status'), 'server')
  promised(typeof server['registered_at'] === 'number', 'the server is registered')
  promised(!('registration_expires_at' in server), 'its registration credential is redeemed')
  const seen = await admin.allowed('query_audit', {
    operation: 'register_mcp_server',
    outcome: 'allowed',
  })
  const event = within(seen, 'events', '0')
  const presented = event['presented'] as { readonly method?: string } | undefined
  promised(presented?.method === 'registration', 'a registration credential was presented')
  yes(`${server['name']} ${server['version']} is registered as ${server['id']}`)
  say(
    'On its first start it presented a registration credential, which works once and binds',
    'the server to its own key. An agent’s credential would not do, nor the other way round.',
  )
  return { admin, connection }
}

export async function registerAgents({ step, say, yes }: Page, admin: Caller): Promise<Files> {
  step('The administrator registers three agents')
  await admin.allowed('register_resource_type', {
    type: 'documents',
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
    'Each secret went into a file that only its owner can read. None passed through the',
    'conversation: secrets never enter a model’s context.',
  )
  return files as Files
}
