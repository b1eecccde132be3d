// Checkpoints while a server runs: at its start, at its end, and in between when the audit moved far or
// some minutes have passed. Each is signed and committed, then kept outside the database. Nobody waits
// for it, and a checkpoint that cannot be written is said and tried again.

import { floorOf } from '../store/audit-floors.ts'
import { chainHeads, eventsOfChain } from '../store/audit.ts'
import type { Checkpoint } from '../store/audit.ts'
import { one } from '../store/store.ts'
import { appendCheckpoints, isSigned, newestLines } from './checkpoint-file.ts'
import { lastGenuine, writeCheckpoint } from './checkpoint.ts'
import type { Context } from './context.ts'

export interface Checkpointing {
  /** Writes the last one; resolves when it is kept or has failed. */
  stop(): Promise<void>
}

interface Pace {
  /** How often the ends are looked at, in milliseconds. */
  readonly lookMs: number
  /** In seconds. */
  readonly every: number
  readonly events: number
}

const usual: Pace = { lookMs: 10_000, every: 300, events: 1000 }

/** Starts with a checkpoint at once, in the background. */
export function startCheckpointing(context: Context, pace: Pace = usual): Checkpointing {
  const { log } = context
  let writing: Promise<void> = Promise.resolve()
  const now = () => {
    writing = writing
      .then(() => keepCheckpoints(context))
      .catch((error: unknown) => {
        log.error({ err: error }, 'No checkpoint could be written.')
      })
    return writing
  }
  const look = async () => {
    if (await isDue(context, pace)) await now()
  }
  writing = sayIfSetBack(context).catch(() => undefined)
  void now()
  const timer = setInterval(() => {
    look().catch(() => undefined)
  }, pace.lookMs).unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await writing
      await context.audit.flush().catch(() => undefined)
      await now()
    },
  }
}

/** A checkpoint outside the database that the audit no longer holds: the database was set back. */
export async function lostCheckpoint(
  { store }: Pick<Context, 'store'>,
  kept: readonly Checkpoint[],
  isOurs: (checkpoint: Checkpoint) => boolean = () => true,
): Promise<Checkpoint | undefined> {
  for (const each of kept.toReversed()) {
    const event = await one(store.read(eventsOfChain(each.chain, each.seq, 1)))
    if (event?.seq === each.seq && event.hash === each.head) continue
    const floor = await one(store.read(floorOf(each.chain)))
    if (each.seq > (floor?.seq ?? 0) && isOurs(each)) return each
  }
  return undefined
}

async function sayIfSetBack(context: Context): Promise<void> {
  const { checkpoints: path } = context.settings
  if (path === undefined) return
  const signed = signedHere(context)
  const lines = await newestLines(path)
  const lost = await lostCheckpoint(context, lines, (each) => isSigned(each, signed))
  if (lost === undefined) return
  const { chain, seq, at } = lost
  context.log.error({ chain, seq, at }, setBack)
}

export const setBack =
  'The audit does not hold a checkpoint that is kept outside the database: it was set back or changed, and what was revoked may be valid again. Run `remit audit verify`.'

/** Signs the ends that moved and keeps what is not kept yet. */
export async function keepCheckpoints(context: Context): Promise<void> {
  const made = await writeCheckpoint(context)
  const { checkpoints: path } = context.settings
  if (path === undefined) return
  const wanted = new Map(
    [...made, ...(await newestInStore(context))].map((each) => [JSON.stringify(each), each]),
  )
  for (const line of await newestLines(path)) wanted.delete(JSON.stringify(line))
  if (wanted.size > 0) await appendCheckpoints(path, [...wanted.values()])
}

export const signedHere = ({ ring, self, now }: Pick<Context, 'ring' | 'self' | 'now'>) => ({
  verifiers: ring.verifiers('checkpoint', now()),
  issuer: self.issuer,
})

async function isDue(context: Context, { every, events }: Pace): Promise<boolean> {
  const now = context.now()
  for (const { chain, seq } of await context.store.read(chainHeads)) {
    const last = await lastGenuine(context, chain)
    const moved = seq - (last?.seq ?? 0)
    if (moved >= events || (moved > 0 && now - (last?.at ?? 0) >= every)) return true
  }
  return false
}

/** What another process, or this one before it failed, committed without keeping it. */
async function newestInStore(context: Context): Promise<readonly Checkpoint[]> {
  const newest: Checkpoint[] = []
  for (const { chain } of await context.store.read(chainHeads)) {
    const last = await lastGenuine(context, chain)
    if (last !== undefined) newest.push(last)
  }
  return newest
}
