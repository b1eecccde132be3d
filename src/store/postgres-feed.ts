// News of changes that other processes made: NOTIFY rings, and a poll on the same connection catches what was
// not rung. Broken, it says so, and whoever decides asks the database instead of an old memory.

import pg from 'pg'
import { newestChange } from './facts.ts'

/** What is notified: who rings, and the change number that it committed. */
export const changesChannel = 'remit_changes'
export const ringing = (self: string, seq: number): string => `${self} ${seq}`

export interface Feed {
  /** Whether notifications would come: the connection stands, and was polled lately. */
  isHealthy(): boolean
  /** Whether there was news since this was last asked. */
  takeNews(): boolean
  /** The same, answered by the database. */
  ask(): Promise<boolean>
  /** What this process committed is no news, unless something came between. */
  committed(first: number, last: number): void
  close(): Promise<void>
}

const pollMs = 1_000
const retryMs = 250
/** A start on a busy machine may wait longer than a poll, which is only given up to ask elsewhere. */
const listenMs = 30_000

/** Listens from now on; `self` rings are one's own, `newest` reads from the database elsewhere. */
export async function createFeed(
  settings: pg.ClientConfig,
  self: string,
  newest: () => Promise<number>,
): Promise<Feed> {
  let listener: pg.Client | undefined
  let heardAt = 0
  // What was committed before anyone listened was not heard.
  let news = true
  let seen = 0
  let closed = false
  let retry: NodeJS.Timeout | undefined

  function learn(seq: number): void {
    if (seq <= seen) return
    seen = seq
    news = true
  }

  function hear(payload = ''): void {
    const [by, seq] = payload.split(' ')
    if (by === self) return
    if (Number.isSafeInteger(Number(seq))) learn(Number(seq))
    else news = true
  }

  async function listen(): Promise<void> {
    const client = new pg.Client({ ...settings, query_timeout: listenMs })
    const lost = () => {
      if (listener !== client) return
      listener = undefined
      again()
    }
    client.on('error', lost).on('end', lost)
    client.on('notification', ({ payload }) => {
      hear(payload)
    })
    try {
      await client.connect()
      await client.query(`listen ${changesChannel}`)
      await poll(client, listenMs)
    } catch (error) {
      void client.end().catch(() => undefined)
      throw error
    }
    if (closed) return void (await client.end())
    listener = client
    news = true
  }

  async function poll(client: pg.Client, query_timeout: number): Promise<void> {
    const sentAt = performance.now()
    const asked = { text: newestChange.sql, query_timeout }
    const { rows } = await client.query<{ seq: number }>(asked)
    heardAt = sentAt
    learn(rows[0]?.seq ?? 0)
  }

  async function pollNow(): Promise<void> {
    const client = listener
    if (client === undefined || polling) return
    polling = true
    try {
      await poll(client, 2 * pollMs)
    } catch {
      // Whoever does not answer does not ring either.
      if (listener === client) listener = undefined
      void client.end().catch(() => undefined)
      again()
    } finally {
      polling = false
    }
  }

  let polling = false
  const interval = setInterval(() => void pollNow(), pollMs).unref()

  function again(): void {
    if (closed) return
    retry ??= setTimeout(() => {
      retry = undefined
      listen().catch(again)
    }, retryMs).unref()
  }

  async function close(): Promise<void> {
    closed = true
    clearInterval(interval)
    clearTimeout(retry)
    await listener?.end().catch(() => undefined)
  }

  try {
    await listen()
  } catch (error) {
    await close()
    throw error
  }
  return {
    isHealthy: () => listener !== undefined && performance.now() - heardAt < 2 * pollMs,
    takeNews: () => {
      const had = news
      news = false
      return had
    },
    ask: async () => {
      learn(await newest())
      const had = news
      news = false
      return had
    },
    committed: (first, last) => {
      if (seen === first - 1) seen = last
    },
    close,
  }
}
