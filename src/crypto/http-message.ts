// The components of an HTTP request that a signature can cover (RFC 9421 §2), each as the one text that is
// signed. What cannot be told in exactly one way has no value here.

/** A request as its sender and its receiver both see it. */
export interface HttpRequest {
  readonly method: string
  /** The whole address, http or https. */
  readonly url: string
  /** By name, in whatever case; several values of one name in their order. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** A component's name and, for `@query-param` alone, its parameter. */
export interface Component {
  readonly name: string
  readonly param?: string
}

/** The text that is signed for a component, or `undefined` where the request has no such thing. */
export function valueOf(request: HttpRequest, { name, param }: Component): string | undefined {
  if (!name.startsWith('@')) return param === undefined ? fieldValue(request, name) : undefined
  const url = addressOf(request.url)
  if (url === undefined || (param !== undefined && name !== '@query-param')) return undefined
  switch (name) {
    case '@method':
      return request.method
    case '@target-uri':
      return url.href
    case '@authority':
      return url.host
    case '@scheme':
      return url.protocol.slice(0, -1)
    case '@path':
      return url.pathname
    case '@query':
      return url.search === '' ? '?' : url.search
    case '@query-param':
      return queryParam(url, param)
    default:
      return undefined
  }
}

/** An address that says nothing beside scheme, host, path and query; normalised as RFC 9421 §2.2 asks. */
export function addressOf(untrusted: string): URL | undefined {
  if (untrusted.length > 8192 || !URL.canParse(untrusted)) return undefined
  const url = new URL(untrusted)
  const isPlain = url.username === '' && url.password === '' && url.hash === ''
  return isPlain && /^https?:$/.test(url.protocol) ? url : undefined
}

/** RFC 9421 §2.1: values trimmed, folds made one space, several joined by a comma. */
export function fieldValue({ headers }: HttpRequest, name: string): string | undefined {
  const values = Object.entries(headers).flatMap(([each, value]) =>
    each.toLowerCase() === name ? [value].flat() : [],
  )
  if (values.length === 0) return undefined
  const spelled = values.map((value) => value.replaceAll(/[ \t]*\r\n[ \t]+/g, ' ').trim())
  // A line break would let one component pass for several.
  return spelled.some((value) => /[\r\n\0]/.test(value)) ? undefined : spelled.join(', ')
}

/** RFC 9421 §2.2.8: one parameter that is there once, encoded anew. */
function queryParam(url: URL, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const values = [...url.searchParams].filter(([key]) => encoded(key) === name)
  const [only] = values
  return only === undefined || values.length > 1 ? undefined : encoded(only[1])
}

const encoded = (text: string): string => encodeURIComponent(text)
