// A disk that fails on order, under real processes: disk-faults.c is compiled into a temporary folder and
// loaded before their libc. Where there is no C compiler, or no Linux, whoever asks for it fails aloud.

import { spawnSync } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../../support/temporary.ts'

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

const source = fileURLToPath(new URL('disk-faults.c', import.meta.url))

export function faultyDisk(): FaultyDisk {
  const folder = temporaryFolder()
  const library = join(folder, 'disk-faults.so')
  const orders = join(folder, 'orders')
  compile(library)
  return {
    env: { LD_PRELOAD: library, DISK_FAULTS: orders },
    order: (...given) => {
      if (given.length === 0) return rmSync(orders, { force: true })
      writeFileSync(`${orders}.new`, given.map((order) => `${lineOf(order)}\n`).join(''))
      renameSync(`${orders}.new`, orders)
    },
  }
}

function compile(library: string): void {
  if (process.platform !== 'linux') throw new Error('Failing disks are made on Linux only.')
  const args = ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl', '-lpthread']
  const { error, status, stderr } = spawnSync('cc', args, { encoding: 'utf8' })
  if (error !== undefined) throw new Error('Failing disks need a C compiler, `cc`.')
  if (status !== 0) throw new Error(`The failing disk did not compile: ${stderr}`)
}

function lineOf(order: Order): string {
  if ('space' in order) return `space ${order.folder} ${order.space} 0 0`
  const { fail, path, error = 'EIO', pass = 0, times = 1_000_000_000 } = order
  return `${fail} ${path} ${constants.errno[error]} ${pass} ${times}`
}
