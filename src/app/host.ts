// What the commands get from this process: its environment, its store and its streams. What is behind
// each command is loaded when that command runs.

import type * as Ca from './ca.ts'
import type { App } from '../app.ts'
import { createLog } from '../cli/log.ts'
import type { CaHost, Host, Session } from '../cli/host.ts'
import type { Output } from '../cli/output.ts'
import { readConfig } from '../config.ts'
import type { Config, Environment } from '../config.ts'
import { exitCodeOf, Refusal } from '../core/refusal.ts'
import type { EnvironmentCredential } from '../authority/environment.ts'
import type { Context, Log } from '../authority/context.ts'

export function createHost(env: Environment, version: string, output: Output): Host {
  const say = (text: string) => output.say(`remit: ${text}`)
  const configured = (): { config: Config; log: Log } => {
    const config = readConfig(env)
    config.warnings.forEach(say)
    return { config, log: createLog(config.logLevel, (line) => output.say(line.trimEnd())) }
  }
  const host: Host = {
    version,
    async makeKey(asked) {
      const { makeKey } = await import('./keygen.ts')
      const { askingBy } = await import('./ask.ts')
      if (asked.url === undefined)
        return makeKey(asked, async () => askingBy(await host.openSession()))
      const { askRemote } = await import('./ask-remote.ts')
      const remote = askRemote(asked.url, env, configured().config)
      return makeKey(asked, async () => ({ ask: remote, close: async () => undefined }))
    },
    async publicKeys() {
      const { publicKeys } = await import('../operations/public-keys.ts')
      const session = await host.openSession()
      return publicKeys(session.context).finally(() => session.close())
    },
    ca: caOf(() => host.openSession()),
    async init(options) {
      const { initStore } = await import('../app.ts')
      return initStore(configured().config, options)
    },
    async recover() {
      const { recoverStore } = await import('../app.ts')
      return recoverStore(configured().config)
    },
    async migrate() {
      const { migrateStore } = await import('../app.ts')
      return migrateStore(configured().config)
    },
    async diagnose() {
      const { diagnose } = await import('../authority/diagnosis.ts')
      return diagnose(readConfig(env), env, Math.floor(Date.now() / 1000))
    },
    ...upkeep(configured),
    async openSealed(asked) {
      const { openSealed } = await import('./open-sealed.ts')
      return openSealed(asked)
    },
    async openSession(): Promise<Session> {
      const { takeEnvironmentCredential } = await import('../authority/environment.ts')
      const { config, log } = configured()
      const named = takeEnvironmentCredential(env, config.home)
      const credential = named.presented.kind === 'nothing' ? await fallBack(config, named) : named
      credential.warnings.forEach(say)
      const app = await openRegistered(config, log, credential)
      return {
        context: app.context,
        environment: credential.presented,
        close: async () => {
          await signEnd(app.context)
          await app.close()
        },
      }
    },
    async exec(asked) {
      const { execute } = await import('./exec.ts')
      const session = await host.openSession()
      return execute(session, asked, env).finally(() => session.close())
    },
    async serveHttp() {
      const { serveUntilStopped } = await import('./serve-http.ts')
      const { takeEnvironmentCredential } = await import('../authority/environment.ts')
      const { config, log } = configured()
      const { presented } = takeEnvironmentCredential(env, config.home)
      if (presented.kind !== 'nothing') say(notUsed)
      const open = () => openRegistered(config, log, callers, false)
      return serveUntilStopped(open, config, say)
    },
    async bridge(url) {
      const { bridgeUntilDone } = await import('./bridge.ts')
      return bridgeUntilDone(url, env, configured(), say)
    },
    async serveStdio() {
      const { takeEnvironmentCredential } = await import('../authority/environment.ts')
      const { config, log } = configured()
      const credential = takeEnvironmentCredential(env, config.home)
      credential.warnings.forEach(say)
      const app = await openRegistered(config, log, credential)
      try {
        const { remarksOn } = await import('../authority/remarks.ts')
        const remarks = await remarksOn(app.context, credential.presented)
        remarks.forEach(say)
        const { startCheckpointing } = await import('../authority/checkpointing.ts')
        const checkpointing = startCheckpointing(app.context)
        await serve(app, credential)
        await checkpointing.stop()
        return app.failed.aborted ? exitCodeOf('unavailable') : 0
      } finally {
        await app.close()
      }
    },
  }
  return host
}

/** The embedded authority, in the home of the store that knows it. */
function caOf(open: () => Promise<Session>): CaHost {
  const inSession = async <T>(
    work: (ca: typeof Ca, session: Session, home: string) => Promise<T>,
  ): Promise<T> => {
    const session = await open()
    try {
      return await work(await import('./ca.ts'), session, session.context.settings.home)
    } finally {
      await session.close()
    }
  }
  return {
    init: (name, days) => inSession((ca, session, home) => ca.initCa(session, home, name, days)),
    issue: (asked) => inSession((ca, session, home) => ca.issueFor(session, home, asked)),
    revoke: (meant, days) =>
      inSession((ca, session, home) => ca.revokeIssued(session, home, meant, days)),
    publish: (days) => inSession((ca, session, home) => ca.publish(session, home, days)),
  }
}

/** The commands that work on the store itself. */
const upkeep = (configured: () => { readonly config: Config; readonly log: Log }) =>
  ({
    async verifyAudit(asked) {
      const { verifyAudit } = await import('./upkeep.ts')
      const { config, log } = configured()
      return verifyAudit(config, log, asked)
    },
    async exportAudit(write) {
      const { exportAudit } = await import('./upkeep.ts')
      const { config, log } = configured()
      return exportAudit(config, log, write)
    },
    async backup(file) {
      const { backup } = await import('./upkeep.ts')
      return backup(configured().config, file)
    },
    async restore(file, acceptOlder) {
      const { restore } = await import('./upkeep.ts')
      return restore(configured().config, file, acceptOlder)
    },
    async moveStore(asked) {
      const { moveStore } = await import('./upkeep.ts')
      return moveStore(configured().config, asked)
    },
    async prune(asked) {
      const { prune } = await import('./upkeep.ts')
      const { config, log } = configured()
      return prune(config, log, asked)
    },
    async rotateMaster(newKeyFile) {
      const { rotateMaster } = await import('./upkeep.ts')
      return rotateMaster(configured().config, newKeyFile)
    },
  }) satisfies Partial<Host>

/** The command line alone uses the administrator's file where the environment names no credential. */
async function fallBack(
  { home }: Config,
  named: EnvironmentCredential,
): Promise<EnvironmentCredential> {
  const { presentedFromFile } = await import('../authority/environment.ts')
  const { homePaths } = await import('../authority/home.ts')
  const path = homePaths(home).adminCredential
  const presented = presentedFromFile(path)
  if (typeof presented !== 'string') return { ...named, presented, credentialFile: path }
  const warning = `No credential is named, and ${path} ${presented}.`
  return { ...named, warnings: [...named.warnings, warning] }
}

const notUsed =
  'The credential in the environment is not used: over HTTP each request brings its own.'

/** Over HTTP every request brings its own credential, and no file is written for anyone. */
const callers: EnvironmentCredential = { presented: { kind: 'nothing' }, warnings: [] }

/** Opens the store and proves this server's registration, without which nothing is answered. */
async function openRegistered(
  config: Config,
  log: Log,
  environment: EnvironmentCredential,
  localFiles = true,
): Promise<App> {
  const { openApp } = await import('../app.ts')
  const { confirmAhead } = await import('../authority/by-secret.ts')
  const { registerThisServer } = await import('../authority/registration.ts')
  const { sweepDeliveries } = await import('../authority/deliveries.ts')
  const app = await openApp(config, { log, environment, localFiles })
  try {
    confirmAhead(app.context, environment.presented)
    await registerThisServer(app.context, app.registrationFile)
    await sweepDeliveries(app.context)
    return app
  } catch (error) {
    await app.close()
    throw error instanceof Refusal && error.code !== 'unavailable' ? notRegistered(error) : error
  }
}

/** Whatever the reason, a server that may not serve has not authenticated. */
const notRegistered = (cause: Refusal): Refusal =>
  new Refusal('invalid_client', {
    message: `This server could not register: ${cause.message}`,
    remedy: { text: 'Run `remit init --recover` on the host, then start again.' },
    cause,
  })

async function serve(app: App, { presented }: EnvironmentCredential): Promise<void> {
  const { serveStdio } = await import('../transports/stdio/serve.ts')
  const { operationSurface } = await import('../transports/operation-surface.ts')
  const { stdin, stdout } = process
  const stop = () => void stdin.destroy()
  // A second signal ends the process at once.
  process.once('SIGTERM', stop).once('SIGINT', stop)
  if (app.failed.aborted) stop()
  app.failed.addEventListener('abort', stop)
  const surface = operationSurface(app.context, presented)
  await serveStdio({ surface, stdin, stdout, log: app.context.log })
}

/** A checkpoint of where this run left the audit; a run that cannot sign it has still done its work. */
async function signEnd(context: Context): Promise<void> {
  const { keepCheckpoints } = await import('../authority/checkpointing.ts')
  try {
    await context.audit.flush()
    await keepCheckpoints(context)
  } catch (error) {
    context.log.error({ err: error }, 'No checkpoint could be written.')
  }
}
