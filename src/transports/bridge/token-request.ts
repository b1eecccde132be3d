// The remote's token endpoint: a root grant for the whole day and a token of it (RFC 6749 §4.4). What is
// delegated hangs below that grant, so that it lives on while tokens come and go.

import { Refusal, refusalCodes } from '../../core/refusal.ts'
import type { RefusalCode } from '../../core/refusal.ts'
import type { Client } from './credential.ts'
import { unavailable } from './fetch-json.ts'
import type { FetchJson, Received } from './fetch-json.ts'
import { isFields } from './remote.ts'

export interface Token {
  readonly text: string
  /** Seconds. */
  readonly expiresAt: number
  /** Absent for a token that does not say so. */
  readonly grantId?: string
}

interface Asking {
  readonly endpoint: string
  /** Asked for each request: what a key signs is taken once. */
  readonly client: () => Promise<Client>
  readonly scopes: readonly string[]
  /** RFC 8707: the token is for this resource. */
  readonly resource: string
  readonly now: number
}

const wholeDay = { grant_ttl_seconds: '86400' }

/** Refuses as the endpoint does. */
export async function requestToken(fetchJson: FetchJson, asking: Asking): Promise<Token> {
  const first = await ask(fetchJson, asking, wholeDay)
  const { status, body } = (await askLess(fetchJson, asking, first)) ?? first
  const { access_token: text, expires_in: life } = body ?? {}
  if (status === 200 && typeof text === 'string' && typeof life === 'number') {
    const grantId = grantIn(text)
    return { text, expiresAt: asking.now + life, ...(grantId !== undefined && { grantId }) }
  }
  throw refusalIn({ status, body })
}

/** A remote says where its grants may not last that long, or where a scope means nothing there any more. */
async function askLess(
  fetchJson: FetchJson,
  asking: Asking,
  { body }: Received,
): Promise<Received | undefined> {
  switch (body?.['error']) {
    case 'invalid_request':
      return ask(fetchJson, asking, {})
    case 'invalid_scope': {
      const scopes = asking.scopes.filter((_, i) => !unknownIn(body).has(`scopes.${i}`))
      const isLess = scopes.length > 0 && scopes.length < asking.scopes.length
      return isLess ? ask(fetchJson, { ...asking, scopes }, wholeDay) : undefined
    }
    default:
      return undefined
  }
}

/** Which of the scopes that were asked for are not registered, by their places. */
function unknownIn(body: Received['body']): ReadonlySet<unknown> {
  const told = isFields(body?.['remit']) ? body['remit']['failures'] : undefined
  const failures = Array.isArray(told) ? told.filter(isFields) : []
  return new Set(
    failures.filter(({ code }) => code === 'invalid_scope').map(({ dimension }) => dimension),
  )
}

async function ask(
  fetchJson: FetchJson,
  { endpoint, client, scopes, resource }: Asking,
  more: Readonly<Record<string, string>>,
): Promise<Received> {
  const { headers, form } = await client()
  return fetchJson(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: scopes.join(' '),
      resource,
      ...form,
      ...more,
    }).toString(),
  })
}

/** Read from one's own token, to ask for another of the same grant; it decides nothing. */
function grantIn(text: string): string | undefined {
  try {
    const [, payload = ''] = text.split('.')
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    const remit = isFields(claims) ? claims['remit'] : undefined
    const grant = isFields(remit) ? remit['grant'] : undefined
    return typeof grant === 'string' ? grant : undefined
  } catch {
    return undefined
  }
}

/** The remote's own refusal where it gives one beside the OAuth error. */
function refusalIn({ status, body }: Received): Refusal {
  if (status === 429 || status >= 500 || body === undefined) {
    return unavailable('The remote Remit hands out no token now.')
  }
  const told = isFields(body['remit']) ? body['remit'] : {}
  const code = refusalCodes.find((each) => each === told['code']) ?? codeOf(body['error'])
  const { message } = told
  return new Refusal(code, typeof message === 'string' ? { message } : {})
}

const codeOf = (error: unknown): RefusalCode =>
  error === 'invalid_scope' || error === 'invalid_target' ? error : 'invalid_client'
