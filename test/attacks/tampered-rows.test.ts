// Attacks by whoever can write to the database (authority: 31). A row that carries authority and was
// edited anywhere is refused and reported; a restriction that was edited, or removed, still restricts.

import { describe, expect, test } from 'vitest'
import type { Context } from '../../src/authority/context.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import type { Value } from '../../src/store/store.ts'
import { isOnPostgres } from '../support/database.ts'
import { byToken, grantIn, handedIn, tablesOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'

const cause = 'test'
const permissions = ['papers:read']
const asked = { scopes: ['papers:read', 'tokens:delegate'], grant_ttl_seconds: 3600 }

interface Scene {
  readonly w: World
  readonly holder: Holder
  readonly parent: string
  readonly token: string
  readonly handoff: string
}

/** An agent with a root, a child under it whose token it holds, and a code for that child. */
async function scene(): Promise<Scene> {
  const w = await world()
  await w.addType('papers', ['read'])
  const holder = await w.addAgent('holder', 'papers:* tokens:delegate')
  const parent = (await w.result(mintToken, asked, holder)).grant_id
  const under = { scopes: ['papers:read'], act_as: parent, delivery: 'meta', task: 'a', uses: 9 }
  const child = await w.call(delegateToken, under, holder)
  const code = { ...asked, delivery: 'handoff' }
  const { delivery } = (await w.result(mintToken, code, holder)) as {
    delivery?: { handoff?: string }
  }
  return { w, holder, parent, token: handedIn(child), handoff: delivery?.handoff ?? '' }
}

/** What each use comes to in a process that starts now. */
const uses = {
  'by token': (s: Scene, where: Context) =>
    s.w.call(
      checkPermission,
      { permissions },
      { kind: 'token', presentedToken: s.token },
      {
        in: where,
      },
    ),
  'by credential': (s: Scene, where: Context) =>
    s.w.call(checkPermission, { permissions }, s.holder, { in: where }),
  'by act_as': (s: Scene, where: Context) =>
    s.w.call(checkPermission, { permissions, act_as: s.parent }, s.holder, { in: where }),
  'by handoff': (s: Scene, where: Context) =>
    s.w.call(claimHandoff, { handoff: s.handoff, delivery: 'meta', dry_run: true }, s.holder, {
      in: where,
    }),
} as const

type Way = keyof typeof uses

async function isAllowed(s: Scene, way: Way, where: Context): Promise<boolean> {
  const answer = await uses[way](s, where)
  return answer.ok && answer.result['allowed'] !== false
}

/** For each table which row a use rests on, and which uses. */
const tables: readonly (readonly [string, (s: Scene) => string, Way])[] = [
  ['agents', ({ holder }) => `id = '${holder.id}'`, 'by token'],
  ['agents', ({ holder }) => `id = '${holder.id}'`, 'by credential'],
  ['credentials', ({ holder }) => `id = '${holder.credentialId}'`, 'by token'],
  ['credentials', ({ holder }) => `id = '${holder.credentialId}'`, 'by credential'],
  ['grants', ({ parent }) => `id = '${parent}'`, 'by token'],
  ['grants', ({ parent }) => `id = '${parent}'`, 'by act_as'],
  ['grants', ({ parent }) => `parent_id = '${parent}'`, 'by token'],
  ['tokens', ({ parent }) => grantBelow(parent), 'by token'],
  ['servers', ({ w }) => `id = '${w.serverId}'`, 'by credential'],
  ['resource_types', () => `type = 'papers'`, 'by credential'],
  ['handoffs', () => `claimed_at is null`, 'by handoff'],
]

const grantBelow = (parent: string) =>
  `grant_id in (select id from grants where parent_id = '${parent}')`

/** Remarks beside the sealed columns. */
const unsealed: ReadonlySet<string> = new Set(['handoffs.claimed_at', 'handoffs.claim_key'])

/** By these a row is found: edited, it is not there. */
const foundBy: ReadonlySet<string> = new Set([
  'grants.id',
  'tokens.kind',
  'tokens.hash',
  'handoffs.code_hash',
])

/** Each, or of each kind of value one where every edit takes new connections: the seal is the same code. */
function attackable(row: Fields, columns: readonly string[]): readonly string[] {
  if (!isOnPostgres()) return columns
  const kinds = new Map(columns.map((column) => [kindOf(row[column] ?? null), column]))
  return [...new Set(['mac', 'kind', ...kinds.values()])].filter((each) => columns.includes(each))
}

const kindOf = (value: Value): string => (value === null ? 'nothing' : typeof value)

type Fields = Readonly<Record<string, Value>>

function rowOf(w: World, table: string, condition: string): Fields {
  const id = w.read(`select ${idOf(table)} from ${table} where ${condition}`)
  const row = tablesOf(w)[table]?.find((each) => each[idOf(table)] === id)
  if (row === undefined) throw new Error(`There is no such row in ${table}.`)
  return row as Fields
}

const idOf = (table: string): string => (table === 'resource_types' ? 'type' : 'id')

/** What finds the row, edited or not: no engine has a name of its own for it that outlives an edit. */
const keyOf = ({ id, type }: Fields): string =>
  id === undefined ? `type = '${String(type)}'` : `id = '${String(id)}'`

/** Another value of the same kind; nothing becomes something. */
const edited = (value: Value): string | number =>
  typeof value === 'number' ? value + 1 : value === null ? '1' : `${String(value)} x`

describe('an edited row is refused and reported', () => {
  test.each(tables)('in %s (%#)', async (table, where, way) => {
    const s = await scene()
    const { w } = s
    expect(await isAllowed(s, way, await w.startProcess())).toBe(true)
    expect(w.damaged).toEqual([])
    const row = rowOf(w, table, where(s))
    const columns = Object.keys(row).filter((column) => !unsealed.has(`${table}.${column}`))
    expect(columns.length).toBeGreaterThan(5)
    for (const column of attackable(row, columns)) {
      const before = row[column] ?? null
      const after = edited(before)
      const set = `update ${table} set "${column}" = ? where `
      w.damaged.length = 0
      expect(w.tamper(set + keyOf(row), after)).toBe(1)
      const fresh = await w.startProcess()
      expect([column, await isAllowed(s, way, fresh)]).toEqual([column, false])
      const isReported = w.damaged.length > 0 || foundBy.has(`${table}.${column}`)
      expect([column, isReported]).toEqual([column, true])
      expect(w.tamper(set + keyOf({ ...row, [column]: after }), before)).toBe(1)
    }
    expect(await isAllowed(s, way, await w.startProcess())).toBe(true)
  })

  test.each(tables)('one that was removed from %s is missed (%#)', async (table, where, way) => {
    const s = await scene()
    expect(s.w.tamper(`delete from ${table} where ${where(s)}`)).toBeGreaterThan(0)
    expect(await isAllowed(s, way, await s.w.startProcess())).toBe(false)
  })

  test('a row moved in the place of another is refused', async () => {
    const s = await scene()
    const { w, holder, parent } = s
    const wide = await w.result(mintToken, { scopes: ['tokens:*'], grant_ttl_seconds: 3600 })
    w.tamper(`delete from grants where id = ?`, parent)
    w.tamper(`update grants set id = ? where id = ?`, parent, wide.grant_id)
    const fresh = await w.startProcess()
    expect(
      (
        await w.refusal(checkPermission, { permissions, act_as: parent }, holder, {
          in: fresh,
        })
      ).code,
    ).toBe('not_found')
    expect(w.damaged.length).toBeGreaterThan(0)
  })
})

describe('a restriction that was tampered with', () => {
  const restrictions: readonly (readonly [string, (s: Scene) => Promise<unknown>, Way])[] = [
    ['grant', ({ w, parent }) => w.result(revokeToken, { grant_id: parent, cause }), 'by act_as'],
    ['task', ({ w }) => w.result(revokeToken, { task: 'a', cause }), 'by token'],
    [
      'agent',
      async ({ w }) => {
        await w.result(setAgentStatus, { agent: 'holder', status: 'suspended', cause })
        await w.result(setAgentStatus, { agent: 'holder', status: 'active', cause })
      },
      'by token',
    ],
    [
      'credential',
      ({ w, holder }) => w.result(revokeToken, { credential_id: holder.credentialId, cause }),
      'by token',
    ],
    [
      'ceiling',
      async ({ w }) => {
        await w.result(updateAgent, { agent: 'holder', ceiling: ['tokens:delegate'] })
        await w.result(updateAgent, { agent: 'holder', ceiling: ['papers:*', 'tokens:delegate'] })
      },
      'by token',
    ],
  ]
  const columns = [
    'seq',
    'org_id',
    'key',
    'kind',
    'target',
    'within',
    'minted_before',
    'scopes',
    'cause',
    'at',
    'mac',
  ]

  test.each(restrictions)(
    'of kind %s still restricts, and is reported',
    async (_, restrict, way) => {
      const s = await scene()
      const { w } = s
      await restrict(s)
      expect(await isAllowed(s, way, await w.startProcess())).toBe(false)
      expect(w.damaged).toEqual([])
      const row = (tablesOf(w)['revocations']?.[0] ?? {}) as Fields
      expect(Object.keys(row)).toEqual(columns)
      for (const column of attackable(row, columns)) {
        const before = row[column] ?? null
        const change = `update revocations set "${column}" = ?`
        const kinds = ['ceiling', 'server'].filter((kind) => kind !== before)
        const attacks = column === 'kind' ? kinds : [edited(before)]
        for (const value of attacks) {
          w.damaged.length = 0
          expect(w.tamper(change, value)).toBe(1)
          expect([column, await isAllowed(s, way, await w.startProcess())]).toEqual([column, false])
          expect([column, w.damaged.length > 0]).toEqual([column, true])
          expect(w.tamper(change, before)).toBe(1)
        }
      }
    },
  )

  test.each(restrictions)(
    'of kind %s still restricts once it was removed',
    async (_, restrict, way) => {
      const s = await scene()
      await restrict(s)
      expect(s.w.tamper('delete from revocations')).toBe(1)
      expect(await isAllowed(s, way, await s.w.startProcess())).toBe(false)
      expect(s.w.damaged.length).toBeGreaterThan(0)
    },
  )

  test('before another process took it in still restricts there', async () => {
    const s = await scene()
    const { w, parent, holder } = s
    const other = await w.startProcess()
    expect(await isAllowed(s, 'by act_as', other)).toBe(true)
    await w.result(revokeToken, { grant_id: parent, cause })
    w.tamper('delete from revocations')
    const refusal = await w.refusal(checkPermission, { permissions, act_as: parent }, holder, {
      in: other,
    })
    expect(refusal.code).toBe('invalid_token')
  })

  test('does not bring back a credential whose record was revoked with it', async () => {
    const s = await scene()
    const { w, holder } = s
    await w.result(revokeCredential, { credential_id: holder.credentialId, cause })
    w.tamper('delete from revocations')
    const set = `update credentials set status = 'active' where id = ?`
    expect(w.tamper(set, holder.credentialId)).toBe(1)
    const fresh = await w.startProcess()
    expect(await isAllowed(s, 'by credential', fresh)).toBe(false)
    expect(await isAllowed(s, 'by token', fresh)).toBe(false)
  })
})

test('a sound world reports nothing', async () => {
  const s = await scene()
  const { w } = s
  const minted = await w.call(mintToken, { ...asked, delivery: 'meta' }, s.holder)
  await w.result(revokeToken, { grant_id: grantIn(minted), cause })
  expect((await w.refusal(checkPermission, { permissions }, byToken(minted))).code).toBe(
    'invalid_token',
  )
  await w.startProcess()
  expect(w.damaged).toEqual([])
})

test('a revocation removed without a trace but its number keeps the store from opening', async () => {
  const w = await world()
  const { grant_id } = await w.result(mintToken, { scopes: ['demo:read'] }, w.local)
  await w.result(revokeToken, { grant_id, cause: 'test' }, w.local)
  const seq = Number(w.read('select max(seq) from revocations'))
  await w.result(registerResourceType, { type: 'later', operations: ['read'], description: '' })
  w.tamper('delete from revocations where seq = ?', seq)
  w.tamper('delete from changes where seq = ?', seq)
  await expect(w.startProcess()).rejects.toThrow('Changes are missing')
})
