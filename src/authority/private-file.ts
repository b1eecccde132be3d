// Files that hold secrets. They are read only where nobody else could have read or planted them, and
// they appear whole or not at all: a draft beside them is synced, then linked or renamed into place.

import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import type { Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

export type PrivateText =
  | { readonly ok: true; readonly text: string }
  /** `why` completes a sentence that begins with the path. */
  | { readonly ok: false; readonly missing: boolean; readonly why: string }

const largest = 64 * 1024

/** The text of a regular file that is one's own and nobody else's to read; links are not followed. */
export function readPrivateFile(path: string): PrivateText {
  let file: number
  try {
    // A pipe must not make the start wait for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    return notOpened(error)
  }
  try {
    const why = faultOf(fstatSync(file))
    if (why !== undefined) return { ok: false, missing: false, why }
    return { ok: true, text: readFileSync(file, 'utf8') }
  } catch (error) {
    return notOpened(error)
  } finally {
    closeSync(file)
  }
}

/** Writes a new file; throws `EEXIST` and changes nothing where there is one. */
export function writePrivateFile(path: string, text: string): void {
  const draft = writeDraft(path, text)
  try {
    linkSync(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(dirname(path))
}

/** Puts a file in the place of whatever is there, in one step. */
export function replacePrivateFile(path: string, text: string): void {
  const draft = writeDraft(path, text)
  try {
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  syncFolder(dirname(path))
}

/** Makes a folder, and those above it that are missing, durably and open to nobody else. */
export function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = resolve(path); ; made = dirname(made)) {
    syncFolder(dirname(made))
    if (made === resolve(first) || made === dirname(made)) return
  }
}

/** Makes a folder of one's own; an empty one that was too open is closed. */
export function makePrivateFolder(path: string): void {
  makeFolder(path)
  const { uid } = lstatSync(path)
  if (isOwn(uid) && readdirSync(path).length === 0) chmodSync(path, 0o700)
}

/** What is wrong with a folder that should be one's own alone; completes a sentence like `why`. */
export function folderFault(path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return 'does not exist'
  if (!stats.isDirectory()) return 'is not a folder'
  return accessFault(stats, '700')
}

/** The same of a file that holds a secret or the store. */
export function fileFault(path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return 'does not exist'
  return stats.isFile() ? accessFault(stats, '600') : 'is not a regular file'
}

/** Makes what was created or renamed in a folder durable. */
export function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function writeDraft(path: string, text: string): string {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}`)
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  return draft
}

function faultOf(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'is not a regular file'
  if (stats.size > largest) return 'is too large'
  return accessFault(stats, '600')
}

function accessFault({ uid, mode }: Stats, wanted: string): string | undefined {
  if (!isOwn(uid)) return 'belongs to another user'
  if ((mode & 0o077) === 0 || process.platform === 'win32') return undefined
  return `is open to other users (mode ${(mode & 0o777).toString(8)}); close it with chmod ${wanted}`
}

const isOwn = (uid: number): boolean => process.getuid === undefined || process.getuid() === uid

function notOpened(error: unknown): PrivateText {
  const code = String((error as { code?: unknown } | null)?.code)
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return { ok: false, missing: true, why: 'does not exist' }
  }
  const isLink = code === 'ELOOP' || code === 'EMLINK'
  return { ok: false, missing: false, why: isLink ? 'is a link' : `cannot be read (${code})` }
}
