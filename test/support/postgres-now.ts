// Asks PostgreSQL and waits, so that tests read alike on both engines: a thread of its own holds the
// connections and this one sleeps until it answered.

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { Value } from '../../src/store/store.ts'

export interface Asked {
  readonly count: number
  readonly first: Value
  readonly rows: Readonly<Record<string, Value>>[]
}

interface Thread {
  readonly port: MessagePort
  readonly bell: Int32Array
}

let thread: Thread | undefined
let calls = 0

/** Runs a statement on a connection that is kept; without one, ends the connection. */
export function askPostgres(
  url: string,
  sql: string | undefined,
  values: readonly Value[] = [],
): Asked {
  const { port, bell } = (thread ??= begin())
  calls += 1
  const id = calls
  port.postMessage({ id, url, sql, values })
  for (let waits = 0; waits < 30; waits++) {
    const rung = Atomics.load(bell, 0)
    for (let answer = next(port); answer !== undefined; answer = next(port)) {
      if (answer.id !== id) continue
      if (answer.error !== undefined) throw new Error(`${answer.error}: ${sql}`)
      return answer
    }
    Atomics.wait(bell, 0, rung, 1_000)
  }
  throw new Error(`No answer to: ${sql}`)
}

type Answer = Asked & { readonly id: number; readonly error?: string }

const next = (port: MessagePort) => receiveMessageOnPort(port)?.message as Answer | undefined

function begin(): Thread {
  const { port1, port2 } = new MessageChannel()
  const bell = new Int32Array(new SharedArrayBuffer(4))
  const workerData = { port: port2, bell }
  const worker = new Worker(asking, { eval: true, workerData, transferList: [port2] })
  worker.unref()
  port1.unref()
  return { port: port1, bell }
}

const asking = `
  const pg = require('pg')
  const { port, bell } = require('node:worker_threads').workerData
  pg.types.setTypeParser(20, Number)
  const clients = new Map()
  async function connected(url) {
    const known = clients.get(url)
    if (known) return known
    const client = new pg.Client(url)
    client.on('error', () => clients.delete(url))
    await client.connect()
    clients.set(url, client)
    return client
  }
  async function answer({ url, sql, values }) {
    if (sql === undefined) {
      await clients.get(url)?.end()
      clients.delete(url)
      return { count: 0, first: null, rows: [] }
    }
    const client = await connected(url)
    const { rowCount, rows } = await client.query({ text: sql, values })
    return { count: rowCount ?? 0, first: Object.values(rows?.[0] ?? {})[0] ?? null, rows: rows ?? [] }
  }
  port.on('message', (asked) => {
    answer(asked)
      .catch((error) => ({ error: String(error) }))
      .then((answered) => {
        port.postMessage({ ...answered, id: asked.id })
        Atomics.add(bell, 0, 1)
        Atomics.notify(bell, 0)
      })
  })
`
