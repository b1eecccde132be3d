// Checkpoints kept outside the database, in a file that is only ever appended to: JSON lines, each with a
// signed statement. Whoever sets the database back, its sealed heads and checkpoints included, cannot
// also set this back unless they can write here. A line counts for nothing but its signature.

import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Verifier } from '../crypto/signing-key.ts'
import type { Checkpoint } from '../store/audit.ts'
import { isGenuine } from './checkpoint.ts'
import { fileFault, syncFolder } from './private-file.ts'

/** What genuine means: signed by one of these keys for this issuer. */
export interface Signed {
  readonly verifiers: ReadonlyMap<string, Verifier>
  readonly issuer: string
}

export interface KeptCheckpoints {
  /** In the order of the file. */
  readonly genuine: readonly Checkpoint[]
  /** Lines that are no checkpoint of this store: cut short by a crash, or not signed by it. */
  readonly others: number
}

/** Appends, durably; other processes may do the same at once. Throws where the file is not one's own. */
export async function appendCheckpoints(
  path: string,
  checkpoints: readonly Checkpoint[],
): Promise<void> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const isNew = fileFault(path) === 'does not exist'
  const file = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    const fault = fileFault(path)
    if (fault !== undefined) throw new Error(`${path} ${fault}`)
    const lines = checkpoints.map((each) => `${JSON.stringify(each)}\n`).join('')
    // In one write, so that lines of several processes do not mix.
    await file.write((await endsWithLine(file)) ? lines : `\n${lines}`)
    await file.datasync()
  } finally {
    await file.close()
  }
  if (isNew) syncFolder(dirname(path))
}

/** A crash may have left half a line, which must not swallow the next. */
async function endsWithLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return true
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] === 10
}

/** Everything that was kept; a file that is not there kept nothing. */
export async function readCheckpoints(path: string, signed: Signed): Promise<KeptCheckpoints> {
  return judge(await textOf(path), signed)
}

const tailLength = 64 * 1024

/** Only the newest ones: enough to know whether the last were kept. */
export async function newestKept(path: string, signed: Signed): Promise<readonly Checkpoint[]> {
  return (await newestLines(path)).filter((each) => isSigned(each, signed))
}

/** The same before any signature was looked at: who compares them first has few to verify. */
export async function newestLines(path: string): Promise<readonly Checkpoint[]> {
  const file = await open(path, 'r').catch(ifMissing)
  if (file === undefined) return []
  try {
    const { size } = await file.stat()
    const start = Math.max(0, size - tailLength)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tailLength), 0, tailLength, start)
    return linesOf(buffer.toString('utf8', 0, bytesRead)).flatMap((line) => parse(line) ?? [])
  } finally {
    await file.close()
  }
}

export const isSigned = (checkpoint: Checkpoint, { verifiers, issuer }: Signed): boolean =>
  isGenuine(checkpoint, verifiers, issuer)

const textOf = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8').catch(ifMissing)) ?? ''

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function judge(text: string, signed: Signed): KeptCheckpoints {
  const lines = linesOf(text)
  const genuine = lines
    .flatMap((line) => parse(line) ?? [])
    .filter((each) => isSigned(each, signed))
  return { genuine, others: lines.length - genuine.length }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

function parse(line: string): Checkpoint | undefined {
  try {
    const { chain, seq, head, at, signed } = { ...(JSON.parse(line) as Partial<Checkpoint>) }
    const isOne = typeof chain === 'string' && typeof head === 'string' && Number.isSafeInteger(seq)
    return isOne && typeof signed === 'string'
      ? ({ chain, seq, head, at, signed } as Checkpoint)
      : undefined
  } catch {
    return undefined
  }
}
