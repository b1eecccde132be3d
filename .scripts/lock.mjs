// One set-up at a time in one checkout. The lock is a file that names the processes at work; it appears whole
// or not at all (a hard link), its holder touches it every second, and who finds it abandoned takes it over.
import {
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'

const pollMs = 250
const abandonedAfterMs = 5 * 60_000

/**
 * Runs `work` while no other process runs anything under the same file. `work` gets `alsoHeldBy(pid)`: the lock
 * then counts as held until that process has ended too, even if this one is killed.
 */
export async function withLock(file, say, work) {
  await acquire(file, say)
  let own = look(file)?.text
  const isOwn = () => look(file)?.text === own
  const beat = setInterval(() => isOwn() && utimesSync(file, new Date(), new Date()), 1000)
  const release = () => isOwn() && unlinkSync(file)
  process.once('exit', release)
  try {
    return await work((pid) => {
      own = describe(pid)
      writeFileSync(file, own)
    })
  } finally {
    clearInterval(beat)
    process.off('exit', release)
    release()
  }
}

async function acquire(file, say) {
  let lastSeen
  let unchangedMs = 0
  let waitedMs = 0
  while (!create(file)) {
    const seen = look(file)
    if (!seen) continue
    unchangedMs = seen.mtimeMs === lastSeen?.mtimeMs ? unchangedMs + pollMs : 0
    lastSeen = seen
    if (isDead(seen) || unchangedMs >= abandonedAfterMs) {
      takeOver(file, seen)
      continue
    }
    if (waitedMs % 10_000 === 0) {
      say(`another set-up (process ${seen.pids[0]}) is at work in this checkout; waiting for it`)
      if (waitedMs > 0) say(`if there is none, delete ${file}`)
    }
    await sleep(pollMs)
    waitedMs += pollMs
  }
}

function create(file) {
  const draft = `${file}.${process.pid}`
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(draft, describe())
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  } finally {
    unlinkSync(draft)
  }
}

/** Two waiters may find the same dead lock; only the one that holds this second lock may remove it. */
function takeOver(file, dead) {
  const second = `${file}.takeover`
  if (!create(second)) {
    const holder = look(second)
    if (holder && isDead(holder)) rmSync(second, { force: true })
    return
  }
  try {
    if (look(file)?.text === dead.text) unlinkSync(file)
  } finally {
    rmSync(second, { force: true })
  }
}

function look(file) {
  try {
    const text = readFileSync(file, 'utf8')
    const { mtimeMs } = statSync(file)
    return { text, mtimeMs, ...JSON.parse(text) }
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    // Only a foreign or half-rewritten file is no JSON; it counts as held until it stops changing.
    if (error instanceof SyntaxError) return { text: '', mtimeMs: 0, host: '', pids: ['unknown'] }
    throw error
  }
}

function describe(...morePids) {
  return JSON.stringify({ host: hostname(), pids: [process.pid, ...morePids], at: Date.now() })
}

const isDead = ({ host, pids }) => host === hostname() && !pids.some(isRunning)

function isRunning(pid) {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
