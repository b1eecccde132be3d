// `remit serve`: the HTTP door on an open store, until a signal stops it.

import type { App } from '../app.ts'
import { startCheckpointing } from '../authority/checkpointing.ts'
import type { Config } from '../config.ts'
import { serveHttp } from '../transports/http/serve.ts'

/** Returns the exit code. `say` is told where it serves. */
export async function serveUntilStopped(
  open: () => Promise<App>,
  { http }: Config,
  say: (text: string) => void,
): Promise<number> {
  const app = await open()
  try {
    const { context } = app
    const issuerUrl = /^https?:/.test(context.self.issuer) ? context.self.issuer : undefined
    const serving = await serveHttp({
      context,
      settings: http,
      ...(issuerUrl !== undefined && { issuerUrl }),
    })
    say(`serving on ${serving.url}`)
    if (issuerUrl === undefined) say(withoutOauth(context.self.issuer))
    const checkpointing = startCheckpointing(context)
    await untilTold()
    await serving.stop()
    await checkpointing.stop()
    return 0
  } finally {
    await app.close()
  }
}

const withoutOauth = (issuer: string): string =>
  `OAuth is not offered: the issuer of this store, ${issuer}, is no address. It is fixed by REMIT_ISSUER when a store is made.`

/** A second signal ends the process at once. */
const untilTold = (): Promise<void> =>
  new Promise((resolve) => {
    process.once('SIGTERM', () => resolve()).once('SIGINT', () => resolve())
  })
