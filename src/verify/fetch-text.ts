// Fetches keys and lists from a Remit: encrypted but on the loopback, within a time and a size, and without
// following anyone elsewhere.

/** What is fetched: `since` asks for what is newer than a version. */
export type Fetch = (what: 'jwks' | 'deny-list', since?: number) => Promise<string>

export interface FetchOptions {
  /** Where the Remit is served, for example `https://remit.example`. */
  readonly url: string
  readonly timeoutMs: number
  readonly maxBytes: Readonly<Record<'jwks' | 'deny-list', number>>
}

/** Throws where the address is not one to fetch from. */
export function fetchFrom({ url, timeoutMs, maxBytes }: FetchOptions): Fetch {
  const base = new URL(url.endsWith('/') ? url : `${url}/`)
  if (base.protocol !== 'https:' && !(base.protocol === 'http:' && isLoopback(base.hostname))) {
    throw new TypeError('Keys and lists are fetched over https, or http from the loopback.')
  }
  if (base.username !== '' || base.password !== '' || base.search !== '' || base.hash !== '') {
    throw new TypeError('The address of a Remit has no user, query or fragment.')
  }
  return async (what, since) => {
    const place = new URL(what, base)
    if (since !== undefined) place.searchParams.set('since', String(since))
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(place, { redirect: 'error', signal })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`${what} was answered with status ${response.status}`)
    }
    return readAtMost(response, maxBytes[what])
  }
}

async function readAtMost(response: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > limit) throw new Error(`The answer is longer than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
