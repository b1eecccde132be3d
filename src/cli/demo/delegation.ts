// The middle of the story: authority is handed down a chain and only ever narrows.

import { because, callerOn, mending, textOf, tokenOf, within } from './calls.ts'
import type { Caller, Remedy } from './calls.ts'
import type { Page } from './page.ts'
import { promised } from './promise.ts'
import type { Connection } from './stage.ts'

/** A grant and whoever holds its token. */
export interface Holder {
  readonly grantId: string
  readonly caller: Caller
}

export interface Chain {
  readonly root: Holder
  readonly researcher: Holder
  readonly writer: Holder
  readonly drafting: Holder
}

export async function delegate(page: Page, pipe: Connection): Promise<Chain> {
  const { step, say, yes, tree } = page
  step('The orchestrator delegates, and so does its delegate')
  const hold = async (by: Caller, operation: string, args: Record<string, unknown>) => {
    const answer = await by.allowed(operation, { ...args, delivery: 'meta' })
    const scopes = (answer.result['scopes'] as readonly string[]).join(' ')
    return {
      grantId: textOf(answer, 'grant_id'),
      caller: callerOn(pipe, tokenOf(answer)),
      scopes,
    }
  }
  const root = await hold(callerOn(pipe), 'mint_token', {
    scopes: ['docs:read', 'docs/drafts/**:write', 'tokens:delegate'],
    ttl_seconds: 900,
    task: 'annual-review',
  })
  yes(`orchestrator  mints     ${root.scopes}`)
  const researcher = await hold(root.caller, 'delegate_token', {
    to: 'researcher',
    scopes: ['docs/reports/**:read', 'tokens:delegate'],
    ttl_seconds: 600,
    task: 'annual-review/research',
  })
  yes(`→ researcher  receives  ${researcher.scopes}`)
  const writer = await hold(researcher.caller, 'delegate_token', {
    to: 'writer',
    instance: 'summary',
    scopes: ['docs/reports/2026:read'],
    ttl_seconds: 300,
  })
  yes(`→→ writer     receives  ${writer.scopes}`)
  const drafting = await hold(root.caller, 'delegate_token', {
    to: 'writer',
    instance: 'drafting',
    scopes: ['docs/drafts/**:write'],
    ttl_seconds: 600,
  })
  yes(`→ writer      receives  ${drafting.scopes}`)
  const drawn = await root.caller.allowed('delegation_tree', { root: root.grantId })
  promised(depthsOf(drawn.result).join() === '0,1,1,2', 'the tree has the four grants')
  tree(textOf(drawn, 'text'))
  say('Tokens last minutes and travel in `_meta`, set by the harness, never by the model.')
  return { root, researcher, writer, drafting }
}

const depthsOf = ({ nodes }: Readonly<Record<string, unknown>>): number[] =>
  (nodes as readonly { readonly depth: number }[]).map(({ depth }) => depth).toSorted()

export async function refuseToWiden({ step, say, no }: Page, { researcher }: Chain) {
  step('Nobody gives what they do not hold')
  const refusal = await researcher.caller.refused('delegate_token', 'exceeds_parent', {
    to: 'writer',
    scopes: ['docs/reports/2026:read', 'docs/contracts/**:read'],
  })
  const missing = refusal.missing?.join(' ')
  promised(missing === 'docs/contracts/**:read', 'the refusal names just what is missing')
  promised(refusal.missing_at === researcher.grantId, 'the refusal says where it is missing')
  no('researcher  delegates  docs/reports/2026:read docs/contracts/**:read', ...because(refusal))
  say('A refusal says all that is missing, where, and what would mend it.')
}

export async function ask({ step, yes, no }: Page, { writer }: Chain): Promise<void> {
  step('“May I?” has an answer and a reason')
  const mine = 'docs/reports/2026:read'
  const others = 'docs/contracts/acme:read'
  const answer = await writer.caller.allowed('check_permission', { permissions: [mine, others] })
  const [first, second] = [within(answer, 'results', '0'), within(answer, 'results', '1')]
  promised(first['allowed'] === true, `the writer may ${mine}`)
  promised(second['allowed'] === false, `the writer may not ${others}`)
  promised(second['code'] === 'insufficient_scope', 'the denial has its code')
  const remedy = second['remedy'] as Remedy | undefined
  promised(remedy?.operation === 'delegate_token', 'the denial says which call would mend it')
  yes(`writer  ${mine}    by ${first['matched_scope']}`)
  no(`writer  ${others}  ${second['code']}`, ...mending(remedy))
}
