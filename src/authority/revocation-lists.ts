// The lists of revoked certificates that this process was given as files (REMIT_CRL_FILES). They are read again
// when they change; one that cannot be read says nothing, and what needs it is then refused.

import { readFileSync, statSync } from 'node:fs'
import { readRevocationList } from '../crypto/x509/revocation-list.ts'
import type { RevocationList } from '../crypto/x509/revocation-list.ts'
import type { Context } from './context.ts'

interface Kept {
  readonly version: string
  readonly list: RevocationList | undefined
}

const files = new WeakMap<Context, Map<string, Kept>>()

/** Every list at hand, as of now. */
export function revocationLists(context: Context): readonly RevocationList[] {
  const known = files.get(context) ?? new Map<string, Kept>()
  files.set(context, known)
  return (context.settings.crlFiles ?? []).flatMap((path) => {
    const version = versionOf(path)
    const kept = known.get(path)
    if (kept !== undefined && kept.version === version) return kept.list ?? []
    const list = version === 'missing' ? undefined : read(context, path)
    known.set(path, { version, list })
    return list ?? []
  })
}

function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 'missing' : [stat.ino, stat.size, stat.mtimeMs].join('/')
}

function read({ log }: Context, path: string): RevocationList | undefined {
  try {
    const result = readRevocationList(readFileSync(path))
    if (result.ok) return result.list
    log.error({ path, reason: result.reason }, 'A list of revoked certificates says nothing.')
  } catch (error) {
    log.error({ path, error: String(error) }, 'A list of revoked certificates cannot be read.')
  }
  return undefined
}
