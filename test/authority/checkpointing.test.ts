// Checkpoints come at a server's start and end and in between, are kept outside the database, and hold
// nobody up.
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { readCheckpoints } from '../../src/authority/checkpoint-file.ts'
import {
  keepCheckpoints,
  signedHere,
  startCheckpointing,
} from '../../src/authority/checkpointing.ts'
import type { Context } from '../../src/authority/context.ts'
import { checkpointsOf } from '../../src/store/audit.ts'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { keptLog } from '../support/temporary.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** Where there is one chain; what holds for many is in test/store/postgres-upkeep.test.ts. */
beforeEach(() => void vi.stubEnv('REMIT_TEST_ENGINE', 'sqlite'))

const pace = { lookMs: 5, every: 300, events: 1000 }

async function keeping(): Promise<{
  w: World
  context: Context
  path: string
  log: ReturnType<typeof keptLog>
}> {
  const w = await world()
  const path = join(w.home, 'kept.jsonl')
  const log = keptLog()
  const settings = { ...w.context.settings, checkpoints: path }
  return { w, path, log, context: { ...w.context, settings, log } }
}

const seqsIn = async (context: Context, path: string): Promise<number[]> =>
  (await readCheckpoints(path, signedHere(context))).genuine.map(({ seq }) => seq)

const headSeq = (w: World) => Number(w.read(`select max(seq) from audit_heads`))

async function move(w: World, events = 1): Promise<void> {
  for (let i = 0; i < events; i++) {
    await w.result(listPermissions)
    await w.context.audit.flush()
  }
}

test('one is kept at the start and one at the end, private, with what the store holds', async () => {
  const { w, context, path } = await keeping()
  const start = headSeq(w)
  const checkpointing = startCheckpointing(context, pace)
  await vi.waitFor(async () => expect(await seqsIn(context, path)).toEqual([start]))
  await move(w)
  await checkpointing.stop()
  expect(await seqsIn(context, path)).toEqual([start, headSeq(w)])
  const [chain = ''] = [String(w.read(`select chain from audit_heads`))]
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
    await w.context.store.read(checkpointsOf(chain)),
  )
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600')
})

test('none is written while nothing happens', async () => {
  const { w, context, path } = await keeping()
  await keepCheckpoints(context)
  await keepCheckpoints(context)
  const checkpointing = startCheckpointing(context, pace)
  w.pass(10_000)
  await new Promise((resolve) => void setTimeout(resolve, 50))
  await checkpointing.stop()
  expect(await seqsIn(context, path)).toHaveLength(1)
})

test.each<[string, number, number]>([
  ['after many events', 6, 0],
  ['after a few minutes, if anything happened', 1, 300],
])('one is kept %s', async (_name, events, seconds) => {
  const { w, context, path } = await keeping()
  const checkpointing = startCheckpointing(context, { ...pace, events: 5 })
  await vi.waitFor(async () => expect(await seqsIn(context, path)).toHaveLength(1))
  await move(w, events)
  w.pass(seconds)
  await vi.waitFor(async () => expect((await seqsIn(context, path)).length).toBeGreaterThan(1))
  await checkpointing.stop()
})

test('what could not be kept is kept later', async () => {
  const { w, context, path } = await keeping()
  writeFileSync(path, '', { mode: 0o644 })
  await expect(keepCheckpoints(context)).rejects.toThrow('is open to other users')
  chmodSync(path, 0o600)
  const missed = headSeq(w)
  await keepCheckpoints(context)
  expect(await seqsIn(context, path)).toEqual([missed])
})

test('a server goes on where nothing can be kept, and says so', async () => {
  const { w, context, path, log } = await keeping()
  symlinkSync('/dev/null', path)
  const checkpointing = startCheckpointing(context, pace)
  await move(w)
  await checkpointing.stop()
  expect(log.lines.join('\n')).toContain('No checkpoint could be written.')
})

test('half a line that a crash left swallows no other', async () => {
  const { w, context, path } = await keeping()
  await keepCheckpoints(context)
  appendFileSync(path, '{"chain":"main","se')
  await move(w)
  await keepCheckpoints(context)
  expect(await seqsIn(context, path)).toHaveLength(2)
  expect((await readCheckpoints(path, signedHere(context))).others).toBe(1)
})

test('a forged row with a great number keeps none from being written', async () => {
  const { w, context, path } = await keeping()
  await keepCheckpoints(context)
  w.tamper(
    `insert into audit_checkpoints select chain, 999999, head, at, signed from audit_checkpoints`,
  )
  await move(w)
  await keepCheckpoints(context)
  expect((await seqsIn(context, path)).at(-1)).toBe(headSeq(w))
})

test('a database that was set back is told at the start', async () => {
  const { w, context, path, log } = await keeping()
  await move(w, 3)
  await keepCheckpoints(context)
  w.tamper(`update audit_events set hash = 'x' where seq = ${headSeq(w)}`)
  const checkpointing = startCheckpointing(context, pace)
  await checkpointing.stop()
  expect(log.lines.join('\n')).toContain('it was set back or changed')
  expect(existsSync(path)).toBe(true)
})

test('without a file to keep them in, they are in the store alone', async () => {
  const w = await world()
  await keepCheckpoints(w.context)
  expect(w.read(`select count(*) from audit_checkpoints`)).toBe(1)
})
