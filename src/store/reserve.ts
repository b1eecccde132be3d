// Space on the disk that is kept for when it is full: a file beside the database that gives way in steps,
// so that revocations, and the events of checks, are still written. Whatever else is written waits until
// the file is whole again. The last part of it is for revocations alone: no amount of checks may spend what
// ends authority.

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  ftruncateSync,
  fstatSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs'
import type { ReservedFor } from './store.ts'

export interface Reserve {
  /** Takes back what was given away; `false` while the disk has no room for that. */
  refill(): boolean
  /** Gives a step to the disk; `false` where nothing is left for this. */
  release(use: ReservedFor): boolean
}

const step = 256 * 1024
const whole = 16 * step
const least = { checks: 4 * step, revocations: 0 } as const

export const reservePath = (database: string): string => `${database}-reserve`

/** The reserve of a database file; made when it is first asked about. */
export function openReserve(database: string): Reserve {
  const path = reservePath(database)
  const size = (): number => {
    const stats = statSync(path, { throwIfNoEntry: false })
    return stats?.isFile() === true ? stats.size : 0
  }
  return {
    refill: () => {
      if (size() === whole) return true
      try {
        fill(path)
        return true
      } catch (error) {
        // Where a file cannot be kept for another reason, there is no reserve, and a disk as it is.
        return !isNoSpace(error)
      }
    },
    release: (use) => {
      const left = size() - step
      if (left < least[use]) return false
      try {
        withFile(path, (file) => ftruncateSync(file, left))
        return true
      } catch {
        return false
      }
    },
  }
}

/** Not zeros, which some disks keep in no space at all. */
function fill(path: string): void {
  withFile(path, (file) => {
    const block = randomBytes(step)
    let at = fstatSync(file).size
    if (at > whole) ftruncateSync(file, (at = whole))
    while (at < whole) at += writeSync(file, block, 0, Math.min(step, whole - at), at)
  })
}

function withFile(path: string, use: (file: number) => void): void {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    use(file)
  } finally {
    closeSync(file)
  }
}

const isNoSpace = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes(String((error as { code?: unknown } | null)?.code))
