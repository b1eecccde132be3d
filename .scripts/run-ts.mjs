// Runs TypeScript with plain Node, whatever its version: bundles each entry into a temporary folder and starts it.
// Usage: node .scripts/run-ts.mjs ENTRY.ts|FOLDER [ARGUMENT ...]; of a folder, every .ts file directly in it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { bundle } from './bundle.mjs'

const [place, ...args] = process.argv.slice(2)
const entries = entriesOf(place)
if (entries.length === 0) {
  process.stderr.write(`run-ts: no TypeScript file at ${place ?? '(no place given)'}\n`)
  process.exit(2)
}

const temporary = mkdtempSync(join(tmpdir(), 'remit-run-'))
try {
  for (const entry of entries) {
    if (entries.length > 1) process.stderr.write(`\n== ${entry}\n`)
    const outfile = join(temporary, 'run.mjs')
    await bundle({ entry: resolve(entry), outfile, at: new URL('..', import.meta.url).href })
    const { status } = spawnSync(process.execPath, [outfile, ...args], { stdio: 'inherit' })
    if (status !== 0) process.exitCode = status ?? 1
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

function entriesOf(path) {
  if (!path || !existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  const files = readdirSync(path).filter((name) => name.endsWith('.ts'))
  return files.toSorted().map((name) => join(path, name))
}
