// News of changes that other processes made: NOTIFY rings, a poll catches what a lost connection missed.
// Broken, it says so, and whoever decides asks the database instead of an old memory.

import pg from 'pg'

const changesChannel = 'remit_changes'

export interface Feed {
  /** Whether notifications and polls both worked lately. */
  isHealthy(): boolean
  /** Whether there was news since this was last asked. */
  takeNews(): boolean
  /** The same, answered by the database. */
  ask(): Promise<boolean>
  close(): Promise<void>
}

const pollMs = 1_000
const retryMs = 250

/** Listens from now on; `newest` reads the newest change number from the database. */
export async function createFeed(
  settings: pg.ClientConfig,
  newest: () => Promise<number>,
): Promise<Feed> {
  let listener: pg.Client | undefined
  let heardAt = 0
  let news = true
  let seen = 0
  let closed = false
  let retry: NodeJS.Timeout | undefined

  async function listen(): Promise<void> {
    const client = new pg.Client(settings)
    const lost = () => {
      if (listener === client) listener = undefined
      again()
    }
    client.on('error', lost).on('end', lost)
    client.on('notification', () => {
      news = true
    })
    await client.connect()
    await client.query(`listen ${changesChannel}`)
    listener = client
    // Whatever happened before this connection listened was not heard.
    news = true
  }

  function again(): void {
    if (closed) return
    retry ??= setTimeout(() => {
      retry = undefined
      listen().catch(again)
    }, retryMs).unref()
  }

  async function ask(): Promise<boolean> {
    const seq = await newest()
    const changed = seq !== seen || news
    seen = seq
    news = false
    return changed
  }

  const poll = setInterval(() => {
    void newest().then(
      (seq) => {
        heardAt = Date.now()
        if (seq === seen) return
        seen = seq
        news = true
      },
      () => undefined,
    )
  }, pollMs).unref()

  await listen()
  seen = await newest()
  heardAt = Date.now()
  return {
    isHealthy: () => listener !== undefined && Date.now() - heardAt < 3 * pollMs,
    takeNews: () => {
      const had = news
      news = false
      return had
    },
    ask,
    close: async () => {
      closed = true
      clearInterval(poll)
      clearTimeout(retry)
      await listener?.end().catch(() => undefined)
    },
  }
}
