// OAuth's endpoints by their paths, answered without the router: they take POST and nothing else (RFC 6749 §3.2).

import type { Refusal } from '../../core/refusal.ts'
import type { Answer } from '../http/answer.ts'
import type { Arrived, Direct, Door } from '../http/door.ts'
import { wrongMethod } from '../http/faults.ts'
import { answering, refusedAs } from './answer.ts'
import type { Outcome } from './answer.ts'
import { introspect } from './introspect.ts'
import { revoke } from './revoke.ts'
import { token } from './token.ts'

const endpoints: Readonly<Record<string, (arrived: Arrived, door: Door) => Promise<Outcome>>> = {
  '/token': token,
  '/introspect': introspect,
  '/revoke': revoke,
}

/** Each by the first segment of its path; none where the issuer is no address. */
export function oauthDirect(door: Door): Readonly<Record<string, Direct>> {
  if (door.issuerUrl === undefined) return {}
  return Object.fromEntries(
    Object.entries(endpoints).map(([path, endpoint]) => [
      path.slice(1),
      directly(door, path, endpoint),
    ]),
  )
}

const directly =
  (door: Door, path: string, endpoint: (typeof endpoints)[string]): Direct =>
  async (arrived) => {
    if (arrived.path !== path) return undefined
    if (arrived.method !== 'POST') throw wrongMethod('POST')
    return answering(arrived, door, () => endpoint(arrived, door))
  }

/** What was refused on the way to an endpoint, in its words; `undefined` for any other path. */
export function refusedOnTheWay(
  { issuerUrl }: Door,
  url: string,
  refusal: Refusal,
): Answer | undefined {
  const [path = ''] = url.split('?', 1)
  const isEndpoint = issuerUrl !== undefined && Object.hasOwn(endpoints, path)
  return isEndpoint ? refusedAs('', refusal, false) : undefined
}
