// A disk that fails on order, under real processes: disk-faults.c is loaded before their libc.

import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../../support/temporary.ts'
import { compilePreload } from './preload.ts'

export type Order =
  | {
      readonly fail: 'write' | 'sync' | 'read' | 'truncate'
      /** The end of the path of the file. */
      readonly path: string
      readonly error?: 'EIO' | 'ENOSPC' | 'EROFS'
      /** How many calls of each process pass first, and how many then fail. */
      readonly pass?: number
      readonly times?: number
    }
  /** Files right below the folder do not grow beyond so many bytes together. */
  | { readonly space: number; readonly folder: string }

export interface FaultyDisk {
  /** What a process on this disk is started with, beside its own environment. */
  readonly env: Readonly<Record<string, string>>
  /** Takes the place of all orders before; running processes obey at their next call. */
  order(...orders: readonly Order[]): void
}

export function faultyDisk(): FaultyDisk {
  const folder = temporaryFolder()
  const library = compilePreload(fileURLToPath(new URL('disk-faults.c', import.meta.url)))
  const orders = join(folder, 'orders')
  return {
    env: { LD_PRELOAD: library, DISK_FAULTS: orders },
    order: (...given) => {
      if (given.length === 0) return rmSync(orders, { force: true })
      writeFileSync(`${orders}.new`, given.map((order) => `${lineOf(order)}\n`).join(''))
      renameSync(`${orders}.new`, orders)
    },
  }
}

function lineOf(order: Order): string {
  if ('space' in order) return `space ${order.folder} ${order.space} 0 0`
  const { fail, path, error = 'EIO', pass = 0, times = 1_000_000_000 } = order
  return `${fail} ${path} ${constants.errno[error]} ${pass} ${times}`
}
