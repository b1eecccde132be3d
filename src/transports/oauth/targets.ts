// For whom a token is asked: `resource` (RFC 8707 §2) and `audience` (RFC 8693 §2.1) name servers alike. A grant
// may be for several, a token is for one of them.

import { mcpAddress } from '../http/resource-metadata.ts'
import type { Parameters } from './parameters.ts'
import { OAuthProblem } from './problem.ts'

/** The audiences as operations take them; absent where none was named. */
export function audienceIn(
  parameters: Parameters,
  issuer: string,
): { readonly audience?: readonly string[] } {
  const resources = parameters.all('resource')
  if (!resources.every(isResource)) {
    throw new OAuthProblem('invalid_target', 'A resource is an absolute URI without fragment.')
  }
  const named = [...resources, ...parameters.all('audience')]
  return named.length === 0 ? {} : { audience: named.map((each) => serverNamed(each, issuer)) }
}

const isResource = (text: string): boolean => URL.canParse(text) && !text.includes('#')

/** Clients know this server by the address of its MCP endpoint too, and tend to add a slash to the issuer. */
function serverNamed(text: string, issuer: string): string {
  const isThisServer = text === mcpAddress(issuer) || text === `${issuer}/`
  return isThisServer ? issuer : text
}
