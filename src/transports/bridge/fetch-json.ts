// One HTTP exchange with the remote: bounded in time and size, JSON in both directions, and to that address
// alone. A redirect is not followed, since what was sent is meant for nobody else.

import { Refusal } from '../../core/refusal.ts'

export interface Sent {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Received {
  readonly status: number
  /** `undefined` where the body is no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined
}

export type FetchJson = (url: string, sent?: Sent) => Promise<Received>

const patienceMs = 30_000
const mostBytes = 16 * 1024 * 1024

/** Refuses as `unavailable` where there is no answer to be had. */
export const fetchJson: FetchJson = async (url, { method = 'GET', headers = {}, body } = {}) => {
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(patienceMs),
      ...(body !== undefined && { body }),
    })
    const text = await textOf(response)
    if (response.status >= 300 && response.status < 400) {
      throw unavailable('The remote Remit answers with a redirect, which is not followed.')
    }
    return { status: response.status, body: objectIn(text) }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw unavailable('The remote Remit cannot be reached.', error)
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > mostBytes) throw unavailable('The remote Remit answers with too much.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function objectIn(text: string): Received['body'] {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

export const unavailable = (message: string, cause?: unknown): Refusal =>
  new Refusal('unavailable', {
    message,
    remedy: {
      text: 'Try again; what was to change something is repeated with the same idempotency_key.',
    },
    cause,
  })
