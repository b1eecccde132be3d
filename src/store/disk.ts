// What a disk can do to a batch. Where it is full, what is not urgent is refused with one clear error and
// changes nothing; what is goes to the space that is kept for it, and once there is room again the next
// write notices. Where it fails, nobody knows what is on it: nothing is acknowledged, then or later.

import { Refusal } from '../core/refusal.ts'
import type { Reserve } from './reserve.ts'
import type { ReservedFor, Unit, UnitResult } from './store.ts'

/** Runs a batch, or as much of it as the disk has room for. */
export function commitWithin(
  reserve: Reserve | undefined,
  units: readonly Unit[],
  engine: {
    /** Throws, and leaves nothing, where there is no room. */
    readonly run: (units: readonly Unit[]) => readonly UnitResult[]
    /** Makes what was written take less room. */
    readonly tidy: () => void
  },
): readonly UnitResult[] {
  try {
    if (reserve?.refill() !== false) return engine.run(units)
  } catch (error) {
    if (!isFull(error)) throw error
  }
  for (const use of ['checks', 'revocations'] as const) {
    const urgent = units.filter(({ reserved }) => covers(use, reserved))
    const results =
      urgent.length === 0 ? undefined : attempt(reserve, use, () => engine.run(urgent))
    if (results === undefined) continue
    engine.tidy()
    return units.map((unit) => results[urgent.indexOf(unit)] ?? refused)
  }
  return units.map(() => refused)
}

/** What is kept for checks may be taken by either; the last of it is for revocations. */
const covers = (use: ReservedFor, reserved: ReservedFor | undefined): boolean =>
  reserved !== undefined && (use === 'checks' || reserved === 'revocations')

/** Gives up reserved space until there is enough; `undefined` where it is spent. */
function attempt<T>(reserve: Reserve | undefined, use: ReservedFor, run: () => T): T | undefined {
  do {
    try {
      return run()
    } catch (error) {
      if (!isFull(error)) throw error
    }
  } while (reserve?.release(use) === true)
  return undefined
}

/** The same for what must be written merely to open a file. */
export function withRoom<T>(reserve: Reserve, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (!isFull(error) || !reserve.release('revocations')) throw error
    return open()
  }
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code)

/** The log’s index is a file too, and SQLite calls it an I/O error when that does not fit. */
const isFull = (error: unknown): boolean => /^SQLITE_(FULL|IOERR_SHMSIZE)$/.test(codeOf(error))

const failing = /^SQLITE_IOERR(_WRITE|_FSYNC|_DIR_FSYNC|_TRUNCATE|_CLOSE|_SHMMAP|_SHMOPEN|_MMAP)?$/

/**
 * Whether the disk failed under what was being written. A sync that failed once may succeed when it is
 * repeated although what it was for is lost, so that nothing may be tried again.
 */
export const hasFailed = (error: unknown): boolean => failing.test(codeOf(error))

export const diskFailed = (cause: unknown): Refusal =>
  new Refusal('unavailable', {
    message:
      'The disk of the store failed while the change was being written: it may have happened or not. This server takes nothing more.',
    remedy: {
      text: 'The operator should look at the disk and start it again; then repeat the call with the same idempotency key.',
    },
    cause,
  })

const refused: UnitResult = {
  ok: false,
  stale: false,
  error: new Refusal('unavailable', {
    message: 'The disk of the store is full; nothing was changed.',
    remedy: { text: 'The operator must make room on it; then this goes on by itself.' },
  }),
}
