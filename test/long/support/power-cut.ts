// What a machine that lost its power would still hold. power-cut.c, loaded before the libc of real processes,
// writes down all they do to their files; from the beginning of that journal a folder is made as the disk had
// it at that moment: what was synced whole, of the rest what chance left, in sectors. A name is there only
// once its folder was synced, or as far as chance had it written in order.

import { closeSync, mkdirSync, openSync, readSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Chance } from '../../support/seeded.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { compilePreload } from './preload.ts'

export interface Recorder {
  /** What processes are started with whose files lie in the folder. */
  readonly env: Readonly<Record<string, string>>
  /** How long the journal is: what happens later is not in the beginning of that length. */
  length(): number
  /** Makes the folder `to` as the disk was once the journal was that long. */
  cut(length: number, chance: Chance, to: string): void
}

interface Body {
  /** What is on the disk for certain. */
  readonly synced: Content
  pending: Change[]
}

interface Content {
  bytes: Buffer
  size: number
}

type Change = { readonly at: number; readonly data: Buffer } | { readonly size: number }

type Names = Map<string, Body | 'folder'>
type Naming = (names: Names) => void

const sector = 512

/** Records what happens below a folder that is empty yet. */
export function recordFolder(folder: string): Recorder {
  const journal = join(temporaryFolder(), 'journal')
  writeFileSync(journal, '', { mode: 0o600 })
  const library = compilePreload(fileURLToPath(new URL('power-cut.c', import.meta.url)))
  return {
    env: { LD_PRELOAD: library, POWER_CUT_FOLDER: folder, POWER_CUT_JOURNAL: journal },
    length: () => statSync(journal).size,
    cut: (length, chance, to) => {
      const names = survivors(recordsIn(beginning(journal, length)), folder, chance)
      for (const [path, body] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        const place = join(to, relative(folder, path))
        if (body === 'folder') mkdirSync(place, { recursive: true, mode: 0o700 })
        else if (names.has(dirname(path)) || dirname(path) === folder) {
          writeFileSync(place, afterCut(body, chance), { mode: 0o600 })
        }
      }
    },
  }
}

function beginning(journal: string, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const file = openSync(journal, 'r')
  const read = readSync(file, bytes, 0, length, 0)
  closeSync(file)
  return bytes.subarray(0, read)
}

interface Step {
  readonly what: string
  readonly path: string
  readonly rest: readonly string[]
  readonly data: Buffer
}

/** Every whole record. */
function* recordsIn(bytes: Buffer): Generator<Step> {
  for (let at = 0; ;) {
    const end = bytes.indexOf(10, at)
    if (end === -1) return
    const [what = '', path = '', ...rest] = bytes.toString('utf8', at, end).split('\t')
    const size = what === 'W' ? Number(rest[1]) : 0
    at = end + 1 + size
    if (at > bytes.length) return
    yield { what, path, rest, data: bytes.subarray(at - size, at) }
  }
}

function survivors(records: Iterable<Step>, folder: string, chance: Chance): Names {
  const seen: Names = new Map([[folder, 'folder']])
  const synced: Names = new Map()
  let unsynced: { readonly folder: string; readonly naming: Naming }[] = []

  function rename(path: string, naming: Naming): void {
    naming(seen)
    unsynced.push({ folder: dirname(path), naming })
  }

  for (const { what, path, rest, data } of records) {
    const [first = ''] = rest
    const body = seen.get(path)
    const file = body === 'folder' ? undefined : body
    if (what === 'W') file?.pending.push({ at: Number(first), data })
    else if (what === 'T') file?.pending.push({ size: Number(first) })
    else if (what === 'S' && body === 'folder') {
      for (const each of unsynced) if (each.folder === path) each.naming(synced)
      unsynced = unsynced.filter((each) => each.folder !== path)
    } else if (what === 'S' && file !== undefined) {
      for (const each of file.pending) apply(file.synced, each)
      file.pending = []
    } else if (what === 'D') rename(path, (names) => void names.set(path, 'folder'))
    else if (what === 'N') {
      const made: Body = { synced: { bytes: Buffer.alloc(0), size: 0 }, pending: [] }
      rename(path, (names) => void names.set(path, made))
    } else if (what === 'U') rename(path, (names) => void names.delete(path))
    else if ((what === 'R' || what === 'L') && body !== undefined) {
      rename(first, (names) => {
        names.set(first, body)
        if (what === 'R') names.delete(path)
      })
    }
  }
  const written = chance.below(unsynced.length + 1)
  for (const { naming } of unsynced.slice(0, written)) naming(synced)
  return synced
}

function apply(content: Content, change: Change): void {
  if ('size' in change) {
    content.bytes.fill(0, Math.min(content.size, change.size))
    grow(content, change.size)
    content.size = change.size
    return
  }
  const end = change.at + change.data.length
  grow(content, end)
  change.data.copy(content.bytes, change.at)
  content.size = Math.max(content.size, end)
}

function grow(content: Content, size: number): void {
  if (size <= content.bytes.length) return
  const bytes = Buffer.alloc(2 * size)
  content.bytes.copy(bytes)
  content.bytes = bytes
}

/** Of what was not synced nothing, or each change perhaps, and of each perhaps only some sectors. */
function afterCut({ synced, pending }: Body, chance: Chance): Buffer {
  const left: Content = { bytes: Buffer.from(synced.bytes), size: synced.size }
  const isNothing = chance.below(3) === 0
  for (const change of isNothing ? [] : pending) {
    if (chance.below(2) === 0) continue
    const isWhole = 'size' in change || chance.below(2) === 0
    for (const each of isWhole ? [change] : torn(change, chance)) apply(left, each)
  }
  return left.bytes.subarray(0, left.size)
}

function torn({ at, data }: { at: number; data: Buffer }, chance: Chance): Change[] {
  const pieces: Change[] = []
  for (let start = 0; start < data.length;) {
    const end = Math.min(data.length, (Math.floor((at + start) / sector) + 1) * sector - at)
    if (chance.below(2) === 0) pieces.push({ at: at + start, data: data.subarray(start, end) })
    start = end
  }
  return pieces
}
