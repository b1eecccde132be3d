// The end of the story: a secret rotates without breaking anyone, a branch is revoked, and the record
// holds it all.

import { readFileSync } from 'node:fs'
import { because, callerOn, textOf, within } from './calls.ts'
import type { Caller } from './calls.ts'
import type { Chain } from './delegation.ts'
import type { Page } from './page.ts'
import { promised } from './promise.ts'
import type { Connection, Stage } from './stage.ts'

export async function rotate(
  { step, say, yes }: Page,
  stage: Stage,
  running: Connection,
  file: string,
  { root }: Chain,
): Promise<void> {
  step('A secret is rotated, and nobody is interrupted')
  const old = readFileSync(file, 'utf8')
  const rotated = await callerOn(running).allowed('rotate_credential', { overlap_seconds: 3600 })
  promised(readFileSync(file, 'utf8') !== old, 'the credential file holds the new secret')
  yes(`orchestrator  ${textOf(rotated, 'old_credential_id')} → ${textOf(rotated, 'credential_id')}`)
  const before = within(await callerOn(running).allowed('whoami'), 'agent')
  promised(before['name'] === 'orchestrator', 'the old secret still works')
  yes('the process that started with the old secret goes on')
  const fresh = await stage.start(file)
  const after = within(await callerOn(fresh).allowed('whoami'), 'agent')
  promised(after['id'] === before['id'], 'the new secret works')
  const drawn = await callerOn(fresh).allowed('delegation_tree', { root: root.grantId })
  promised(textOf(drawn, 'text').split('[live]').length === 5, 'the four grants live on')
  await fresh.close()
  yes('a process that starts now uses the new one, and the tree is still its own')
  const overlap = Number(rotated.result['old_retires_at']) - Math.floor(Date.now() / 1000)
  promised(overlap > 3500 && overlap <= 3600, 'the old secret ends after the overlap')
  say('The old secret is good for another hour. What it granted lives on.')
}

export async function revoke({ step, say, yes, no, tree }: Page, chain: Chain): Promise<void> {
  step('The middle of the chain is revoked')
  const { root, researcher, writer, drafting } = chain
  const revoked = await root.caller.allowed('revoke_token', {
    grant_id: researcher.grantId,
    cause: 'the research is done',
    count: true,
  })
  promised(revoked.result['grants_ended'] === 2, 'the grant and the one below it end')
  yes('orchestrator  revokes  the researcher’s grant, and with it the one below')
  const permissions = ['docs/reports/2026:read']
  const refusal = await writer.caller.refused('check_permission', 'ancestor_revoked', {
    permissions,
  })
  promised(refusal.missing_at === writer.grantId, 'it is told its own grant, none above')
  no('writer (summary)  check_permission, with a token that has not expired', ...because(refusal))
  await drafting.caller.allowed('check_permission', {
    permissions: ['docs/drafts/intro:write'],
  })
  yes('writer (drafting)  goes on: its grant hangs elsewhere')
  const drawn = await root.caller.allowed('delegation_tree', {
    root: root.grantId,
    include_dead: true,
  })
  const text = textOf(drawn, 'text')
  promised(text.split('[live]').length === 3, 'two grants live')
  promised(text.split('[dead: ').length === 3, 'two grants are dead')
  tree(text)
  say('Authority is computed at use, so this took effect with the very next call.')
}

export async function verify({ step, say, yes }: Page, admin: Caller): Promise<void> {
  step('It is all on record')
  const report = await admin.allowed('verify_audit')
  promised(report.result['ok'] === true, 'the audit verifies')
  const refusals = within(await admin.allowed('query_audit', { outcome: 'refused' }), 'events')
  const codes = (refusals as unknown as readonly { readonly code: string }[]).map((e) => e.code)
  for (const code of ['exceeds_parent', 'ancestor_revoked']) {
    promised(codes.includes(code), `the refusal ${code} is in the audit`)
  }
  yes(`${String(report.result['count'])} events, every link holds`)
  say(
    'Every decision is a link in a chain of hashes, and a change is committed together with its event or not at all. An edited, missing or reordered event would show.',
  )
}
