// `remit serve`: the HTTP door on an open store, until a signal stops it.

import { readFileSync } from 'node:fs'
import type { App } from '../app.ts'
import { startCheckpointing } from '../authority/checkpointing.ts'
import { readPrivateFile } from '../authority/private-file.ts'
import type { Config } from '../config.ts'
import { exitCodeOf, Refusal } from '../core/refusal.ts'
import type { HttpSettings, Tls } from '../transports/http/door.ts'
import { isLoopback } from '../transports/http/names.ts'
import { serveHttp } from '../transports/http/serve.ts'
import type { Serving } from '../transports/http/serve.ts'

/** Returns the exit code. `say` is told where it serves. */
export async function serveUntilStopped(
  open: () => Promise<App>,
  config: Config,
  say: (text: string) => void,
): Promise<number> {
  const settings = settingsOf(config)
  const app = await open()
  try {
    const { context } = app
    const issuerUrl = /^https?:/.test(context.self.issuer) ? context.self.issuer : undefined
    const serving = await serveHttp({
      context,
      settings,
      ...(issuerUrl !== undefined && { issuerUrl }),
    })
    if (issuerUrl === undefined) say(withoutOauth(context.self.issuer))
    say(`serving on ${serving.url}`)
    const checkpointing = startCheckpointing(context)
    const renew = () => renewTls(config, serving, say)
    if (settings.tls !== undefined) process.on('SIGHUP', renew)
    await untilTold(app.failed)
    process.off('SIGHUP', renew)
    await serving.stop()
    await checkpointing.stop()
    return app.failed.aborted ? exitCodeOf('unavailable') : 0
  } finally {
    await app.close()
  }
}

/** Refuses plain HTTP where others could listen in, before anything is opened. */
function settingsOf({ http: { tls, ...rest } }: Config): HttpSettings {
  if (tls === undefined) {
    if (isLoopback(rest.host) || rest.trustedProxies.length > 0) return rest
    throw new Refusal('invalid_request', {
      message: `Plain HTTP is served on the loopback alone, and REMIT_HTTP_HOST is ${rest.host}.`,
      remedy: {
        text: 'Set REMIT_TLS_CERT_FILE and REMIT_TLS_KEY_FILE, or REMIT_HTTP_TRUSTED_PROXIES to the proxy that ends TLS.',
      },
    })
  }
  return { ...rest, tls: tlsIn(tls) }
}

function tlsIn({ certFile, keyFile, clientCertificates }: NonNullable<Config['http']['tls']>): Tls {
  const key = readPrivateFile(keyFile)
  if (!key.ok) throw badFile('REMIT_TLS_KEY_FILE', `${keyFile} ${key.why}`)
  return { cert: certificateIn(certFile), key: key.text, clientCertificates }
}

/** Certificates are short-lived, and open connections should outlive them. */
function renewTls({ http: { tls } }: Config, serving: Serving, say: (text: string) => void): void {
  if (tls === undefined) return
  try {
    serving.renew(tlsIn(tls))
    say('The certificate was read again.')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    say(`The certificate stays what it was: ${why}`)
  }
}

function certificateIn(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw badFile('REMIT_TLS_CERT_FILE', `${path} cannot be read`)
  }
}

const badFile = (variable: string, what: string): Refusal =>
  new Refusal('invalid_request', { message: `${variable}: ${what}.` })

const withoutOauth = (issuer: string): string =>
  `OAuth is not offered: the issuer of this store, ${issuer}, is no address. It is fixed by REMIT_ISSUER when a store is made.`

/** A second signal ends the process at once. */
const untilTold = (failed: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    process.once('SIGTERM', () => resolve()).once('SIGINT', () => resolve())
    if (failed.aborted) resolve()
    failed.addEventListener('abort', () => resolve())
  })
