// Folders and environments that a test has to itself.
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import type { Config, Environment } from '../../src/config.ts'
import { whenOver } from './shared.ts'

/** A new private folder, removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'remit-test-'))
  whenOver(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A copy as private as what it copies: from Node 24 on, cpSync leaves the modes of folders to the umask. */
export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true })
  for (const name of ['', ...readdirSync(from, { recursive: true, encoding: 'utf8' })]) {
    chmodSync(join(to, name), statSync(join(from, name)).mode)
  }
}

/** The configuration of a home of its own, which does not exist yet. */
export const configOf = (
  env: Environment = {},
  home: string = join(temporaryFolder(), 'home'),
): Config => readConfig({ REMIT_HOME: home, ...env })

/** A log that keeps its lines. */
export function keptLog() {
  const lines: string[] = []
  const keep = (fields: object, message: string) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { lines, warn: keep, error: keep }
}
