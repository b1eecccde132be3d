// The master key, which opens a store's data key: given by the operator, or a file of its own in the home.
// `init` makes it and `keys rotate-master` replaces it; without it a store does not open.

import { randomBytes } from 'node:crypto'
import { Refusal } from '../core/refusal.ts'
import type { Config } from '../config.ts'
import { StoreProblem } from '../store/problem.ts'
import { homePaths } from './home.ts'
import { writePrivateFile, readPrivateFile } from './private-file.ts'

export type MasterKeySource = Pick<Config, 'home' | 'masterKey' | 'masterKeyFile'>

/** The key of an existing store. Refuses one that is missing, unreadable or malformed. */
export function loadMasterKey(source: MasterKeySource): Buffer {
  if (source.masterKey !== undefined) {
    const key = decode(source.masterKey())
    if (key !== undefined) return key
    throw new Refusal('invalid_request', {
      message: 'REMIT_MASTER_KEY must be the base64 of 32 bytes.',
    })
  }
  return readMasterKey(masterKeyPath(source))
}

/** Where the key lies, unless it was given by value. */
export const masterKeyPath = ({ masterKeyFile, home }: MasterKeySource): string =>
  masterKeyFile ?? homePaths(home).masterKey

export function readMasterKey(path: string): Buffer {
  const file = readPrivateFile(path)
  if (!file.ok) throw problem(`${path} ${file.why}`)
  const key = decode(file.text.replace(/\r?\n$/, ''))
  if (key === undefined) throw problem(`${path} does not hold the base64 of 32 bytes`)
  return key
}

/** The text of a key file. */
export const masterKeyText = (key: Buffer): string => `${key.toString('base64')}\n`

/** For `init` alone: makes the file where the operator named no key and there is none. */
export function loadOrCreateMasterKey(source: MasterKeySource): Buffer {
  if (source.masterKey === undefined && source.masterKeyFile === undefined) {
    try {
      const fresh = randomBytes(32)
      writePrivateFile(homePaths(source.home).masterKey, masterKeyText(fresh))
      return fresh
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    }
  }
  return loadMasterKey(source)
}

/** One spelling only, so that a key that was cut or retyped shows. */
function decode(text: string): Buffer | undefined {
  const key = Buffer.from(text, 'base64')
  return key.length === 32 && key.toString('base64') === text ? key : undefined
}

const problem = (what: string): StoreProblem =>
  new StoreProblem(
    'wrong_master_key',
    `The master key is not usable: ${what}. Put the key of this store back in its place, or name it with REMIT_MASTER_KEY_FILE; without it the store cannot be opened.`,
  )
