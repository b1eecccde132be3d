// What must hold after a crash, whatever kind: everything acknowledged is there, nothing is half done, and an
// answer that was lost is had by the same call again.
import { expect } from 'vitest'
import { isOnPostgres } from '../support/database.ts'
import { jsonFile, local } from './support.ts'
import type { Holder, Home, Server } from './support.ts'
import { successorOf } from './writers.ts'
import type { Ledger, Sent } from './writers.ts'

/** Everything acknowledged is there; everything else is had by the same call again. */
export async function repeatAll(
  { grants, revoking }: Pick<Ledger, 'grants' | 'revoking'>,
  server: Server,
  crashed: readonly Sent[],
  rotating: readonly { holder: Holder }[],
): Promise<void> {
  const repeatable = crashed.filter(({ name, answer }) => {
    const isRevoked = revoking.has(String(answer?.result['grant_id']))
    return name !== 'rotate_credential' && !isRevoked
  })
  const repeated = await Promise.all(
    repeatable.map(async ({ name, args, meta, answer }) => {
      const again = await server.call(name, args, meta)
      const isRevocation = name === 'revoke_token'
      const id = isRevocation ? args['grant_id'] : again.result['grant_id']
      if (!isRevocation) grants.add(String(id))
      const { result } = await server.call('introspect_token', { grant_id: id })
      return {
        found: { name, code: again.code, id, active: result['active'] },
        expected: {
          name,
          code: 'allowed',
          id: answer?.result['grant_id'] ?? id,
          active: !isRevocation,
        },
      }
    }),
  )
  expect(repeated.map(({ found }) => found)).toEqual(repeated.map(({ expected }) => expected))
  for (const agent of rotating) {
    const lost = crashed.find(({ meta, answer }) => meta === agent.holder.meta && !answer)
    agent.holder = await repeatRotation(server, agent.holder, lost)
    expect((await server.call('whoami', {}, agent.holder.meta)).code).toBe('allowed')
  }
}

/** By the secret that the lost answer would have replaced. */
async function repeatRotation(server: Server, holder: Holder, lost: Sent | undefined) {
  if (lost === undefined) return holder
  return successorOf(holder, await server.call(lost.name, lost.args, lost.meta))
}

export interface Filing {
  key: number
  isLost: boolean
}

/** The server's own credential file, once per process: from then on its credential is retiring. */
export async function fileOnce(server: Server, filing: Filing): Promise<void> {
  filing.isLost = true
  filing.key += 1
  const args = { overlap_seconds: 3600, idempotency_key: `file-${filing.key}` }
  const answer = await server.call('rotate_credential', args).catch(() => undefined)
  if (answer === undefined) return
  expect(answer.code).toBe('allowed')
  filing.isLost = false
}

/** Whichever credential the file holds after the crash, it can rotate, or repeat what it did. */
export async function recoverFile(own: Home, filing: Filing): Promise<void> {
  expect(jsonFile(own.file(local))['agent_id']).toBe(own.made.local.agent_id)
  if (!filing.isLost) return
  const key = `file-${filing.key}`
  const line = ['rotate-credential', '--overlap-seconds', '3600', '--idempotency-key', key]
  const { code, err } = await own.run(line, { env: { REMIT_CREDENTIAL_FILE: local } })
  expect([code, err]).toEqual([0, ''])
  filing.isLost = false
}

/** What would be there if a change had been made in part. */
const halves = {
  'a grant without its token': `
    select count(*) from grants g where g.standing = 0
      and g.id not in (select grant_id from tokens)`,
  'a grant without its event': `
    select count(*) from grants g where g.standing = 0
      and g.id not in (
        select target from audit_events
        where target is not null and operation in ('mint_token', 'delegate_token')
      )`,
  'an event without its grant': `
    select count(*) from audit_events e
    where e.operation in ('mint_token', 'delegate_token') and e.outcome = 'allowed'
      and coalesce(e.target, '') not in (select id from grants)`,
  'a grant without its idempotency record, or the record alone': `
    select (select count(*) from grants where standing = 0)
      - (select count(*) from idempotency where operation in ('mint_token', 'delegate_token'))`,
  'a revocation without its event': `
    select count(*) from revocations r where r.kind = 'grant'
      and r.target not in (
        select target from audit_events where target is not null and operation = 'revoke_token'
      )`,
  'an event without its revocation': `
    select count(*) from audit_events e
    where e.operation = 'revoke_token' and e.outcome = 'allowed'
      and e.detail not like '%"repeated":true%'
      and coalesce(e.target, '') not in (select target from revocations)`,
  'a rotation without its successor': `
    select count(*) from credentials old where old.rotated_to is not null
      and not exists (
        select 1 from credentials c where c.id = old.rotated_to and c.rotated_from = old.id
      )`,
  'a successor without its rotation': `
    select count(*) from credentials c where c.rotated_from is not null
      and not exists (
        select 1 from credentials old where old.id = c.rotated_from and old.rotated_to is not null
      )`,
}

export function expectWhole(own: Home): void {
  const found = Object.entries(halves).map(([what, sql]) => [what, own.first(sql)])
  expect(found.filter(([, number]) => number !== 0)).toEqual([])
}

export const integrity = (own: Home): unknown =>
  isOnPostgres() ? 'ok' : own.first('pragma integrity_check')
