// Makes a fresh clone ready to run: installs the packages of package-lock.json where they are missing, and builds
// dist/main.js where it is stale. Only Node's own modules may be imported here, since nothing else is there yet.
// Everything it says goes to stderr.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildIfStale } from './build.mjs'
import { withLock } from './lock.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The one that src/store/driver.ts takes. */
const driver =
  Number.parseInt(process.versions.node, 10) >= 22 ? 'better-sqlite3-13' : 'better-sqlite3'

try {
  requireNode(20, 19)
  await withLock(`${root}dist/.setup.lock`, say, async (alsoHeldBy) => {
    const reason = whyInstall()
    if (reason) await install(reason, alsoHeldBy)
    if (await buildIfStale()) say('built dist/main.js')
  })
} catch (error) {
  say(error.message)
  process.exitCode = 1
}

function requireNode(major, minor) {
  const [presentMajor, presentMinor] = process.versions.node.split('.').map(Number)
  if (presentMajor > major || (presentMajor === major && presentMinor >= minor)) return
  throw new Error(`Node ${major}.${minor} or later is needed; this is ${process.version}`)
}

/** Why the packages have to be installed, or undefined where all that is locked is there and loads. */
function whyInstall() {
  if (!existsSync(`${root}node_modules`)) return 'there is no node_modules yet'
  if (!matchesLockfile()) return 'node_modules is not what package-lock.json asks for'
  if (!nativePackageLoads()) return `${driver} does not load on Node ${process.version}`
  return undefined
}

/** npm writes node_modules/.package-lock.json last, so an install that was cut short does not match. */
function matchesLockfile() {
  const installed = packagesOf(`${root}node_modules/.package-lock.json`)
  return Object.entries(packagesOf(`${root}package-lock.json`)).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    if (!found) return wanted.optional === true
    return (
      found.version === wanted.version &&
      found.integrity === wanted.integrity &&
      (wanted.optional === true || existsSync(`${root}${path}/package.json`))
    )
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return {}
  }
}

/** Tried in a process of its own: this one would remember a package it did not find before the install. */
function nativePackageLoads() {
  const trial = `new (require('${driver}'))(':memory:').close()`
  return spawnSync(process.execPath, ['-e', trial], { cwd: root, stdio: 'ignore' }).status === 0
}

async function install(reason, alsoHeldBy) {
  const missing = missingTools()
  say(`${reason}: installing the packages with npm ci`)
  say('better-sqlite3 is compiled here if no ready-made binary can be had: a minute or two')
  if (missing.length > 0) say(`not found, and needed should it come to that: ${missing.join(', ')}`)

  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const progress = setInterval(() => say(`still installing, ${seconds()} s`), 10_000)
  const failure = await npmCi(alsoHeldBy).finally(() => clearInterval(progress))
  if (!failure) {
    if (!nativePackageLoads()) throw new Error(`${driver} was installed but does not load`)
    return say(`packages installed in ${seconds()} s`)
  }
  throw new Error(
    missing.length === 0
      ? `npm ci ${failure}; what it printed is above`
      : `npm ci ${failure}. Without ${missing.join(', ')} nothing can be compiled here. Install a C++ compiler, ` +
          'make and Python 3 (Debian, Ubuntu: apt-get install build-essential python3; macOS: xcode-select ' +
          '--install), then run this again',
  )
}

/** Undefined when all went well, otherwise how it ended. npm talks to stderr, so that stdout stays ours. */
function npmCi(alsoHeldBy) {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund']
  const npm = process.env.npm_execpath
  const env = { JOBS: 'max', ...process.env }
  const options = { cwd: root, env, stdio: ['ignore', 2, 2] }
  const child = /npm-cli\.[cm]?js$/.test(npm ?? '')
    ? spawn(process.execPath, [npm, ...args], options)
    : spawn('npm', args, { ...options, shell: process.platform === 'win32' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => child.kill(signal))
  if (child.pid) alsoHeldBy(child.pid)
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`did not start: ${error.message}`))
    child.once('close', (code, signal) => {
      resolve(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`)
    })
  })
}

/** What node-gyp would look for. On Windows it searches in ways of its own, so nothing is said there. */
function missingTools() {
  if (process.platform === 'win32') return []
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++']
  const pythons = [process.env.PYTHON, 'python3', 'python']
  return [
    compilers.some(runs) ? undefined : 'a C++ compiler',
    runs('make') ? undefined : 'make',
    pythons.some(runs) ? undefined : 'Python 3',
  ].filter((tool) => tool !== undefined)
}

function runs(command) {
  return Boolean(command) && spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

function say(text) {
  process.stderr.write(`remit: ${text}\n`)
}
