// Tampering with the audit shows from outside, in the database and in an export: also where the tail was
// cut together with the head and the checkpoints that would have told it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { keepCheckpoints } from '../../src/authority/checkpointing.ts'
import { exportLines } from '../../src/authority/export-audit.ts'
import { onHost } from '../../src/authority/on-host.ts'
import type { OnHost } from '../../src/authority/on-host.ts'
import { verifyExport, verifyStore } from '../../src/authority/verify-store.ts'
import type { UnlinkedEvent } from '../../src/core/audit-link.ts'
import { chainHead } from '../../src/store/audit.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** Where there is one chain; what holds for many is in test/store/postgres-upkeep.test.ts. */
beforeEach(() => void vi.stubEnv('REMIT_TEST_ENGINE', 'sqlite'))

const eventOf = ({ context, orgId, serverId }: World, n: number): UnlinkedEvent => ({
  id: context.newId('evt'),
  at: context.now(),
  orgId,
  operation: 'whoami',
  outcome: 'allowed',
  code: 'allowed',
  lineage: [],
  detail: JSON.stringify({ n }),
  count: 1,
  serverId,
})

async function fillTo(w: World, length: number): Promise<void> {
  const head = (await w.context.store.read(chainHead(chainOf(w))))[0]
  const events = Array.from({ length: length - (head?.seq ?? 0) }, (_, n) => eventOf(w, n))
  await w.context.committer.submit({ writes: [], events })
}

const chainOf = (w: World): string => String(w.read(`select chain from audit_heads limit 1`))

interface Kept {
  readonly w: World
  readonly kept: string
  readonly host: OnHost
}

/** 40 events, of which 20 and 30 are stated by checkpoints inside the store and outside of it. */
async function filled(): Promise<Kept> {
  const w = await world()
  const kept = join(w.home, 'kept.jsonl')
  const context = { ...w.context, settings: { ...w.context.settings, checkpoints: kept } }
  for (const length of [20, 30]) {
    await fillTo(w, length)
    await keepCheckpoints(context)
  }
  await fillTo(w, 40)
  const { store, keys, self } = w.context
  const host = await onHost({ store, keys, facts: self, schemaVersion: 1 }, w.context)
  return { w, kept, host }
}

const verdict = async ({ host, kept }: Kept) => {
  const { ok, chains } = await verifyStore(host, { kept })
  return { ok, first_bad_seq: chains[0]?.first_bad_seq, what: chains[0]?.what }
}

const sound = { ok: true, first_bad_seq: undefined, what: undefined }

/** The head as it was at another length, with its MAC: an old copy of the row, put back. */
async function headAt(w: World, length: number): Promise<() => void> {
  await fillTo(w, length)
  const row = ['seq', 'hash', 'at', 'mac'].map((c) => w.read(`select ${c} from audit_heads`))
  return () => {
    w.tamper(`update audit_heads set seq = ?, hash = ?, at = ?, mac = ?`, ...row)
  }
}

test('an untouched audit verifies, and says what it was compared with', async () => {
  const made = await filled()
  expect(await verifyStore(made.host, { kept: made.kept })).toMatchObject({
    ok: true,
    count: 40,
    checkpoints: { file: made.kept, genuine: 2, others: 0 },
  })
})

describe('a tail that was cut', () => {
  const cut = `delete from audit_events where seq > 25`
  test.each<[string, boolean, boolean]>([
    ['alone', false, false],
    ['with the checkpoints of it', false, true],
    ['with its head set back', true, false],
    ['with its head set back and the checkpoints of it', true, true],
  ])('%s shows', async (_name, withHead, withCheckpoints) => {
    const w = await world()
    const kept = join(w.home, 'kept.jsonl')
    const context = { ...w.context, settings: { ...w.context.settings, checkpoints: kept } }
    const setBack = await headAt(w, 25)
    await fillTo(w, 30)
    await keepCheckpoints(context)
    const { store, keys, self } = w.context
    const host = await onHost({ store, keys, facts: self, schemaVersion: 1 }, w.context)
    w.tamper(cut)
    if (withHead) setBack()
    if (withCheckpoints) w.tamper(`delete from audit_checkpoints where seq > 25`)
    expect(await verdict({ w, kept, host })).toEqual({
      ok: false,
      first_bad_seq: 26,
      what: 'truncated',
    })
    // Without what was kept outside, the last of them would not be told.
    const blind = await verifyStore(host, { kept: join(w.home, 'nothing') })
    expect(blind.ok).toBe(withHead && withCheckpoints)
  })

  test('shows also after it was written on', async () => {
    const w = await world()
    const kept = join(w.home, 'kept.jsonl')
    const context = { ...w.context, settings: { ...w.context.settings, checkpoints: kept } }
    const setBack = await headAt(w, 25)
    await fillTo(w, 30)
    await keepCheckpoints(context)
    w.tamper(cut)
    setBack()
    w.tamper(`delete from audit_checkpoints`)
    await fillTo(w, 40)
    // The server signs what it finds, and still cannot take back what it signed before.
    await keepCheckpoints(context)
    const { store, keys, self } = w.context
    const host = await onHost({ store, keys, facts: self, schemaVersion: 1 }, w.context)
    expect(await verdict({ w, kept, host })).toEqual({
      ok: false,
      first_bad_seq: 30,
      what: 'edited',
    })
  })
})

describe('what is kept outside', () => {
  test('counts only by its signature', async () => {
    const made = await filled()
    const [first = ''] = readFileSync(made.kept, 'utf8').split('\n')
    const { signed, ...stated } = JSON.parse(first) as Record<string, unknown>
    const forged = [
      { ...stated, seq: 99, signed },
      { ...stated, head: 'x', signed },
      { ...stated, signed: `${String(signed)}x` },
      stated,
    ]
    const lines = [...forged.map((each) => JSON.stringify(each)), 'no json', '[]', '"x"', 'null']
    writeFileSync(made.kept, `${lines.join('\n')}\n${first}\n`)
    const report = await verifyStore(made.host, { kept: made.kept })
    expect(report).toMatchObject({ ok: true, checkpoints: { genuine: 1, others: lines.length } })
  })

  test('is still believed when its key signs no more, unless that was compromised', async () => {
    const { w, kept, host } = await filled()
    const key = [...w.context.live.signingKeys.values()].find((k) => k.purpose === 'checkpoint')
    if (key === undefined) throw new Error('There is no checkpoint key.')
    const { putSigningKey } = await import('../../src/store/signing-keys.ts')
    await w.write([putSigningKey({ ...key, status: 'rotated', retiresAt: 1 })])
    await host.live.catchUp()
    expect((await verifyStore(host, { kept })).checkpoints.genuine).toBe(2)
    await w.write([putSigningKey({ ...key, status: 'compromised', retiresAt: 1 })])
    await host.live.catchUp()
    expect((await verifyStore(host, { kept })).checkpoints.genuine).toBe(0)
  })
})

describe('an export', () => {
  const exported = async (made: Kept): Promise<string[]> => {
    const lines: string[] = []
    for await (const { line } of exportLines(made.host)) lines.push(line)
    return lines
  }

  const verify = async (made: Kept, lines: readonly string[], keyed: boolean) => {
    const path = join(made.w.home, 'export.jsonl')
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
    const { keys, self, ring } = made.host
    const verifiers = ring.verifiers('checkpoint', made.w.now())
    const known = keyed ? { keys, storeId: self.storeId, verifiers } : undefined
    const { ok, chains, export: of } = await verifyExport(path, { kept: made.kept }, known)
    const [chain] = chains
    return {
      ok,
      unaltered: of?.unaltered,
      first_bad_seq: chain?.first_bad_seq,
      what: chain?.what,
    }
  }

  test('holds every field of every event, and verifies with and without the keys', async () => {
    const made = await filled()
    const lines = await exported(made)
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type)
    expect(
      Object.fromEntries([...new Set(types)].map((t) => [t, types.filter((x) => x === t).length])),
    ).toEqual({ export: 1, key: 1, event: 40, head: 1, checkpoint: 2, end: 1 })
    expect(Object.keys(JSON.parse(lines[2] ?? '') as object)).toHaveLength(21)
    const fine = { ok: true, unaltered: true, first_bad_seq: undefined, what: undefined }
    expect(await verify(made, lines, true)).toEqual(fine)
    expect(await verify(made, lines, false)).toEqual(fine)
  })

  test('holds no secret and no private key', async () => {
    const text = (await exported(await filled())).join('\n')
    expect(text).not.toMatch(/rmt_|sealed|"d":|data_key/)
  })

  const isEvent = (line: string, seq: number) => {
    const { type, seq: at } = JSON.parse(line) as { type: string; seq?: number }
    return type === 'event' && at === seq
  }
  const change = (seq: number, fields: object) => (lines: readonly string[]) =>
    lines.map((line) =>
      isEvent(line, seq) ? JSON.stringify({ ...(JSON.parse(line) as object), ...fields }) : line,
    )
  const without = (drop: (line: string) => boolean) => (lines: readonly string[]) =>
    lines.filter((line) => !drop(line))
  const typeOf = (line: string) => (JSON.parse(line) as { type: string }).type

  type Spoil = (lines: readonly string[]) => readonly string[]
  test.each<[string, Spoil, { first_bad_seq: number; what: string } | undefined]>([
    ['an edited event', change(12, { code: 'conflict' }), { first_bad_seq: 12, what: 'edited' }],
    ['a removed event', without((l) => isEvent(l, 12)), { first_bad_seq: 12, what: 'missing' }],
    [
      'a moved event',
      (lines) => change(12, { seq: 13 })(without((l) => isEvent(l, 13))(lines)),
      { first_bad_seq: 12, what: 'missing' },
    ],
    [
      'an event that stands twice',
      (lines) => lines.flatMap((l) => (isEvent(l, 12) ? [l, l] : [l])),
      { first_bad_seq: 12, what: 'edited' },
    ],
    [
      'a cut tail',
      without((l) => typeOf(l) === 'event' && (JSON.parse(l) as { seq: number }).seq > 35),
      { first_bad_seq: 36, what: 'truncated' },
    ],
    [
      'a tail cut with its head and checkpoints',
      without(
        (l) =>
          typeOf(l) === 'head' ||
          typeOf(l) === 'checkpoint' ||
          (typeOf(l) === 'event' && (JSON.parse(l) as { seq: number }).seq > 25),
      ),
      { first_bad_seq: 26, what: 'truncated' },
    ],
    ['its last line cut off', (lines) => lines.slice(0, -1), undefined],
  ])('with %s is told, and where', async (_name, spoil, bad) => {
    const made = await filled()
    const lines = spoil(await exported(made))
    expect(await verify(made, lines, true)).toEqual({
      ok: false,
      unaltered: false,
      first_bad_seq: bad?.first_bad_seq,
      what: bad?.what,
    })
    // Without the keys it cannot always say where, but never takes it for whole.
    expect(await verify(made, lines, false)).toMatchObject({ ok: false, unaltered: false })
  })

  test.each([
    ['no JSON', '{'],
    ['a line of another type', '{"type":"other"}'],
    ['a field that is no value', '{"type":"event","chain":{}}'],
  ])('with %s is refused by its line', async (_name, line) => {
    const made = await filled()
    const [first = '', ...rest] = await exported(made)
    await expect(verify(made, [first, line, ...rest], true)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('Line 2 '),
    })
  })

  test('of another store is not judged by the keys of this one', async () => {
    const made = await filled()
    const lines = (await exported(made)).map((line) =>
      line.replace(/"store_id":"\w/, '"store_id":"z'),
    )
    await expect(verify(made, lines, true)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

test('an untouched one is sound against itself', async () => {
  expect(await verdict(await filled())).toEqual(sound)
})
