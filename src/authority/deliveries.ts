// Files that hand out a token or secret: this server picks the path, the name is random, only the owner
// may read it, and it goes when what it holds has expired. The expiry is kept as the file's own time.

import { readdir, stat, unlink, utimes } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Refusal } from '../core/refusal.ts'
import type { Context, Settings } from './context.ts'
import {
  makeFolder,
  readPrivateFile,
  replacePrivateFile,
  writePrivateFile,
} from './private-file.ts'

const farFuture = 4_102_444_800
const longestTimer = 2_147_483_647

interface Place extends Pick<Context, 'now'> {
  readonly settings: Pick<Settings, 'home' | 'credentialFile'>
}

/**
 * Asked before the commit: a file that could not be written after it would take the only copy of a secret with
 * it. Refuses; makes nothing, since a dry run asks too.
 */
export function requireWritablePlace({ settings }: Place, replacesOwnFile = false): void {
  const { home, credentialFile } = settings
  const deliveries = join(home, 'deliveries')
  const own = replacesOwnFile && credentialFile !== undefined ? dirname(credentialFile) : undefined
  const folder = own ?? (existsSync(deliveries) ? deliveries : home)
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new Refusal('unavailable', {
      message:
        'The folder that the file would be written to cannot be written; nothing was changed.',
      remedy: { text: 'Choose another delivery, or let the operator make it writable.' },
      cause,
    })
  }
}

/** Writes what is handed out to a new private file; returns its path. */
export async function deliverFile(
  { settings, now }: Place,
  text: string,
  expiresAt?: number,
): Promise<string> {
  const folder = join(settings.home, 'deliveries')
  makeFolder(folder)
  const path = join(folder, randomBytes(16).toString('hex'))
  await writePrivateFile(path, text)
  const until = expiresAt ?? farFuture
  await utimes(path, until, until)
  const waitMs = (until - now()) * 1000
  if (waitMs < longestTimer) {
    setTimeout(() => void unlink(path).catch(() => undefined), waitMs).unref()
  }
  return path
}

/** Removes deliveries whose time is over, or only counts them; done at every start. */
export async function sweepDeliveries({ settings, now }: Place, dryRun = false): Promise<number> {
  const folder = join(settings.home, 'deliveries')
  const names = await readdir(folder).catch(() => [])
  let count = 0
  for (const name of names) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() !== true || found.mtimeMs / 1000 > now()) continue
    count += 1
    if (!dryRun) await unlink(path).catch(() => undefined)
  }
  return count
}

/** Replaces the environment's credential file atomically; `undefined` where it is not that agent's any more. */
export function replaceCredentialFile(
  { settings }: Place,
  text: string,
  agentId: string,
): string | undefined {
  const path = settings.credentialFile
  if (path === undefined || agentIn(path) !== agentId) return undefined
  replacePrivateFile(path, text)
  return path
}

function agentIn(path: string): unknown {
  const present = readPrivateFile(path)
  if (!present.ok) return undefined
  try {
    return (JSON.parse(present.text) as { agent_id?: unknown } | null)?.agent_id
  } catch {
    return undefined
  }
}
