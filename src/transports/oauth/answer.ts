// How OAuth endpoints answer: JSON that nothing may store (RFC 6749 §5.1), an error in the words of §5.2, and
// beside it, where an operation refused, what that says of itself.

import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { Refusal } from '../../core/refusal.ts'
import type { Answer } from '../../operations/perform.ts'
import type { App, Ask, Door } from '../http/door.ts'
import { oauthErrorOf, OAuthProblem } from './problem.ts'
import type { OAuthError } from './problem.ts'

export type Refused = Extract<Answer, { readonly ok: false }>

/** What an endpoint comes to: the members of its answer, or why there is none. */
export type Outcome = Readonly<Record<string, unknown>> | Refused

/** Adds an endpoint, which takes POST and nothing else (RFC 6749 §3.2). */
export function addEndpoint(
  app: App,
  door: Door,
  path: string,
  endpoint: (ask: Ask, door: Door) => Promise<Outcome>,
): void {
  app.post(path, (ask) => answering(ask, door, () => endpoint(ask, door)))
  app.all(path, (ask) => answerError(ask, 'invalid_request', 405, 'This endpoint takes POST.'))
}

/** What an endpoint comes to; what it throws is an answer too. */
async function answering(
  ask: Ask,
  door: Door,
  endpoint: () => Promise<Outcome>,
): Promise<Response> {
  try {
    const outcome = await endpoint()
    if (!isRefused(outcome)) return ask.json(outcome, 200, unstored)
    return refuse(ask, outcome.refusal, outcome.isStranger === true)
  } catch (error) {
    if (error instanceof OAuthProblem)
      return answerError(ask, error.error, error.status, error.message)
    if (error instanceof Refusal) return refuse(ask, error, false)
    door.context.log.error({ error: String(error) }, 'an OAuth request failed unexpectedly')
    return refuse(ask, new Refusal('server_error'), false)
  }
}

const isRefused = (outcome: Outcome): outcome is Refused =>
  outcome['ok'] === false && outcome['refusal'] instanceof Refusal

/** `no-cache` for HTTP/1.0, as RFC 6749 §5.1 asks. */
const unstored = { 'cache-control': 'no-store', pragma: 'no-cache' }

function refuse(ask: Ask, refusal: Refusal, isStranger: boolean): Response {
  const { error, status } = oauthErrorOf(refusal, isStranger)
  return answerError(ask, error, status, refusal.message, { remit: refusal.toError() })
}

export function answerError(
  ask: Ask,
  error: OAuthError,
  status: number,
  description: string,
  more: Readonly<Record<string, unknown>> = {},
): Response {
  const error_description = printable(description)
  return ask.json({ error, error_description, ...more }, status as ContentfulStatusCode, {
    ...unstored,
    ...(status === 401 && { 'www-authenticate': challengeOf(ask, error, error_description) }),
    ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    ...(status === 405 && { allow: 'POST' }),
  })
}

/** The scheme that the client used, else the one it may use (RFC 6749 §5.2). */
function challengeOf(ask: Ask, error: OAuthError, description: string): string {
  const [scheme = ''] = (ask.req.header('authorization') ?? '').split(' ')
  if (error === 'invalid_token') {
    const name = scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer'
    return `${name} realm="remit", error="${error}", error_description="${description}"`
  }
  return 'Basic realm="remit", charset="UTF-8"'
}

/** The characters that RFC 6749 §5.2 allows in an error_description. */
const printable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')
