// How OAuth's endpoints answer: JSON that nothing may store (RFC 6749 §5.1), an error in the words of §5.2, and
// beside it, where an operation refused, what that says of itself.

import { Refusal } from '../../core/refusal.ts'
import type { Answer as Performed } from '../../operations/perform.ts'
import { json, statusOf } from '../http/answer.ts'
import type { Answer } from '../http/answer.ts'
import type { Arrived, Ask, Door } from '../http/door.ts'
import { Fault } from '../http/faults.ts'
import { oauthErrorOf, OAuthProblem } from './problem.ts'
import type { OAuthError } from './problem.ts'

export type Refused = Extract<Performed, { readonly ok: false }>

/** What an endpoint comes to: the members of its answer, or why there is none. */
export type Outcome = Readonly<Record<string, unknown>> | Refused

/** The answer to what an endpoint comes to; what it throws is an answer too. */
export async function answering(
  arrived: Arrived,
  { context }: Door,
  endpoint: () => Promise<Outcome>,
): Promise<Answer> {
  const authorization = String(arrived.headers['authorization'] ?? '')
  try {
    const outcome = await endpoint()
    if (!isRefused(outcome)) return json(200, outcome, unstored)
    return refusedAs(authorization, outcome.refusal, outcome.isStranger === true)
  } catch (error) {
    if (error instanceof OAuthProblem) {
      return errorAnswer(authorization, error.error, error.status, error.message)
    }
    if (error instanceof Refusal) return refusedAs(authorization, error, false)
    context.log.error({ error: String(error) }, 'an OAuth request failed unexpectedly')
    return refusedAs(authorization, new Refusal('server_error'), false)
  }
}

const isRefused = (outcome: Outcome): outcome is Refused =>
  outcome['ok'] === false && outcome['refusal'] instanceof Refusal

/** `no-cache` for HTTP/1.0, as RFC 6749 §5.1 asks. */
const unstored = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** A refusal in OAuth's words; one of the message itself keeps its status. */
export function refusedAs(authorization: string, refusal: Refusal, isStranger: boolean): Answer {
  const { error, status } = oauthErrorOf(refusal, isStranger)
  const isFault = refusal instanceof Fault
  const more = { remit: refusal.toError() }
  return errorAnswer(
    authorization,
    error,
    isFault ? statusOf(refusal) : status,
    refusal.message,
    more,
    isFault ? refusal.headers : {},
  )
}

/** The same for routes of Hono. */
export function answerError(
  ask: Ask,
  error: OAuthError,
  status: number,
  description: string,
  more: Readonly<Record<string, unknown>> = {},
): Response {
  const authorization = ask.req.header('authorization') ?? ''
  const { body, ...rest } = errorAnswer(authorization, error, status, description, more)
  return new Response(body, { status: rest.status, headers: { ...rest.headers } })
}

function errorAnswer(
  authorization: string,
  error: OAuthError,
  status: number,
  description: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const error_description = printable(description)
  return json(
    status,
    { error, error_description, ...more },
    {
      ...unstored,
      ...headers,
      ...(status === 401 && {
        'www-authenticate': challengeOf(authorization, error, error_description),
      }),
      ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    },
  )
}

/** The scheme that the client used, else the one it may use (RFC 6749 §5.2). */
function challengeOf(authorization: string, error: OAuthError, description: string): string {
  if (error !== 'invalid_token') return 'Basic realm="remit", charset="UTF-8"'
  const name = /^dpop /i.test(authorization) ? 'DPoP' : 'Bearer'
  return `${name} realm="remit", error="${error}", error_description="${description}"`
}

/** The characters that RFC 6749 §5.2 allows in an error_description. */
const printable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')
