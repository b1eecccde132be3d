// Secrets that belong to records about to be committed: written beside their places before the commit
// and moved there after it, so that a crash leaves neither a store without its files nor files that
// belong to no store. What a crash left half way is finished by `placeStaged`.

import { readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { makeFolder, syncFolder, writePrivateFile } from './private-file.ts'

const marker = '.staged-'

/** Where the text for `path` waits under the name of what it belongs to. */
export const stagedPath = (path: string, owner: string): string =>
  join(dirname(path), `.${basename(path)}${marker}${owner}`)

/** Writes each text beside its path, durably. `owner` is fixed by the commit that makes them good. */
export function stage(files: ReadonlyMap<string, string>, owner: string): void {
  for (const [path, text] of files) {
    makeFolder(dirname(path))
    writePrivateFile(stagedPath(path, owner), text)
  }
}

/** Moves what was staged to its place, each in one step; returns the paths that were moved. */
export function placeStaged(paths: readonly string[], owner: string): string[] {
  return paths.filter((path) => {
    try {
      renameSync(stagedPath(path, owner), path)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return false
      throw error
    }
    syncFolder(dirname(path))
    return true
  })
}

/** The owners of what waits for a path. */
export function ownersOfStaged(path: string): string[] {
  const begins = `.${basename(path)}${marker}`
  return namesIn(dirname(path))
    .filter((name) => name.startsWith(begins))
    .map((name) => name.slice(begins.length))
    .toSorted()
}

/** Removes what was staged for these paths: by one owner that was not committed, or by any. */
export function discardStaged(paths: readonly string[], owner?: string): void {
  for (const path of paths) {
    const begins = `.${basename(path)}${marker}${owner ?? ''}`
    for (const name of namesIn(dirname(path))) {
      if (name.startsWith(begins)) rmSync(join(dirname(path), name), { force: true })
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
