// The bin `remit`: runs dist/remit.cjs, the program. Hosts wait for each start of `remit stdio`, and most of what
// they waited for was V8 reading that file. What it made of it is kept beside it, and taken again only if
// both are byte for byte what they were; a place that cannot be written, or another Node, costs nothing else.

import { hash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, Module } from 'node:module'
import { fileURLToPath } from 'node:url'
import { constants, Script } from 'node:vm'

const path = fileURLToPath(new URL('../dist/remit.cjs', import.meta.url))
const compiledPath = `${path}.compiled`
const digestLength = 32

const source = readFileSync(path)
const compiled = readCompiled()
const script = new Script(Module.wrap(source.toString()), {
  filename: path,
  ...(compiled !== undefined && { cachedData: compiled }),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
})
const isCompiled = compiled !== undefined && script.cachedDataRejected !== true
if (!isCompiled && process.argv[2] === 'stdio') process.once('exit', keepCompiled)
const run = script.runInThisContext() as (...args: unknown[]) => void
run({}, createRequire(path), {}, path)

function readCompiled(): Buffer | undefined {
  try {
    const kept = readFileSync(compiledPath)
    const data = kept.subarray(digestLength)
    return digestOf(data).equals(kept.subarray(0, digestLength)) ? data : undefined
  } catch {
    return undefined
  }
}

/** V8 itself compares no more than the length of the source. */
function digestOf(data: Buffer): Buffer {
  return hash('sha256', Buffer.concat([source, data]), 'buffer')
}

/** After a server has served, since then all that one needs was compiled. It appears whole or not at all. */
function keepCompiled(exitCode: number): void {
  if (exitCode !== 0) return
  const draft = `${compiledPath}.${process.pid}`
  try {
    const data = script.createCachedData()
    writeFileSync(draft, Buffer.concat([digestOf(data), data]))
    renameSync(draft, compiledPath)
  } catch {
    rmSync(draft, { force: true })
  }
}
