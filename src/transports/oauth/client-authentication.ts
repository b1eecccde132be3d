// How a client proves itself at OAuth's endpoints: one entry for each method, exactly one of them in a request
// (RFC 6749 §2.3). A client is an agent, its client_id the agent's id. What is read here is not verified.

import type { Presented } from '../../authority/presented.ts'
import { isId } from '../../core/id.ts'
import type { Arrived, Door } from '../http/door.ts'
import { Fault } from '../http/faults.ts'
import { invalid } from './parameters.ts'
import type { Parameters } from './parameters.ts'
import { OAuthProblem } from './problem.ts'

interface Attempt {
  readonly parameters: Parameters
  /** The Authorization header; that it came once is settled (gate.ts). */
  readonly authorization: string | undefined
  /** What the TLS connection presents. */
  readonly certificates: readonly Buffer[] | undefined
}

interface Method {
  /** As the metadata names it (RFC 7591 §2). */
  readonly name: string
  isUsed(attempt: Attempt): boolean
  presented(attempt: Attempt): Presented
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const methods: readonly Method[] = [
  {
    name: 'client_secret_basic',
    isUsed: ({ authorization }) => authorization !== undefined,
    presented: ({ authorization = '', parameters }) => {
      const { id, secret } = basicIn(authorization)
      const inBody = parameters.one('client_id')
      if (inBody !== undefined && inBody !== id) throw invalid('client_id differs.')
      return secretOf(id, secret)
    },
  },
  {
    name: 'client_secret_post',
    isUsed: ({ parameters }) => parameters.one('client_secret') !== undefined,
    presented: ({ parameters }) =>
      secretOf(parameters.one('client_id') ?? '', parameters.one('client_secret') ?? ''),
  },
  {
    name: 'private_key_jwt',
    isUsed: ({ parameters }) =>
      parameters.one('client_assertion') !== undefined ||
      parameters.one('client_assertion_type') !== undefined,
    presented: ({ parameters }) => {
      const presentedAssertion = parameters.required('client_assertion')
      if (parameters.required('client_assertion_type') !== assertionType) {
        throw invalid(`client_assertion_type must be ${assertionType}.`)
      }
      // RFC 7521 §4.2: client_id is optional, and must be the subject of the assertion where it is there.
      const agentId = parameters.one('client_id') ?? subjectIn(presentedAssertion)
      return isId('agt', agentId) ? { kind: 'assertion', agentId, presentedAssertion } : unusable
    },
  },
  {
    // RFC 8705 §2: the request names the client, and the connection proves it.
    name: 'tls_client_auth',
    isUsed: ({ certificates }) => certificates !== undefined,
    presented: ({ certificates: presentedChain = [], parameters }) => {
      const agentId = parameters.required('client_id')
      return isId('agt', agentId) ? { kind: 'certificate', presentedChain, agentId } : unusable
    },
  },
]

/** By a certificate only where clients are asked for one. */
export const methodsSupported = ({
  settings: { tls },
}: Pick<Door, 'settings'>): readonly string[] =>
  methods
    .map(({ name }) => name)
    .filter((name) => name !== 'tls_client_auth' || tls?.clientCertificates === true)

/** RFC 8414 §2: what assertions may be signed by. */
export const signaturesSupported: readonly string[] = ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256']

/** What the client of a request presents; refuses one that presents nothing, or two things. */
export function clientIn(
  { headers, certificates }: Arrived,
  { limits }: Door,
  parameters: Parameters,
): Presented {
  const { authorization } = headers
  const attempt: Attempt = {
    parameters,
    authorization: typeof authorization === 'string' ? authorization : undefined,
    certificates: certificates(),
  }
  const [used, another] = methods.filter((method) => method.isUsed(attempt))
  if (another?.name === 'tls_client_auth') {
    // It could bind what is issued (RFC 8705 §3), but a second source is refused, not weighed (authority: rule 8).
    throw invalid('A client certificate came beside another way to authenticate: leave out one.')
  }
  if (another !== undefined) throw invalid('Authenticate the client in exactly one way.')
  // A secret in the body counts as one in the header does (gate.ts).
  const secret = parameters.one('client_secret')
  if (secret !== undefined && !limits.caller(secret)) throw new Fault('too_many')
  return used === undefined ? unusable : used.presented(attempt)
}

const unusable: Presented = { kind: 'unusable' }

/** An id that none has is as good as a secret that is wrong. */
const secretOf = (agentId: string, presentedSecret: string): Presented =>
  isId('agt', agentId) ? { kind: 'secret', agentId, presentedSecret } : unusable

/** Id and secret were form-encoded before they were joined (RFC 6749 §2.3.1, RFC 7617 §2). */
function basicIn(authorization: string): { readonly id: string; readonly secret: string } {
  const [, scheme = '', encoded = ''] = /^(\S+) +(\S+)$/.exec(authorization) ?? []
  if (scheme.toLowerCase() !== 'basic') {
    throw new OAuthProblem('invalid_client', 'A client authenticates here by Basic.')
  }
  const bytes = Buffer.from(encoded, 'base64')
  const pair = bytes.toString('latin1')
  const colon = pair.indexOf(':')
  if (bytes.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '') || colon < 0) {
    throw invalid('The Authorization header is malformed.')
  }
  return { id: formDecoded(pair.slice(0, colon)), secret: formDecoded(pair.slice(colon + 1)) }
}

/** The form encoding leaves nothing but these (RFC 6749 appendix B). */
function formDecoded(text: string): string {
  if (!/^(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*$/.test(text)) {
    throw invalid('The Authorization header is malformed.')
  }
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw invalid('The Authorization header is malformed.')
  }
}

/** Whose assertion it says it is; believed by nobody until it is verified. */
function subjectIn(untrusted: string): string {
  try {
    const [, payload = ''] = untrusted.split('.')
    const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub?: unknown }
    return typeof sub === 'string' ? sub : ''
  } catch {
    return ''
  }
}
