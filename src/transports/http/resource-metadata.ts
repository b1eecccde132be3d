// Where the metadata of an address stands: the well-known path goes between its host and its own path
// (RFC 8414 §3.1, RFC 9728 §3.1).

/** An address below the issuer's, such as that of `/token`. */
export const addressOf = (issuer: string, path: string): string =>
  `${issuer.replace(/\/$/, '')}${path}`

/** The resource that this server protects (RFC 9728 §1.2). */
export const mcpAddress = (issuer: string): string => addressOf(issuer, '/mcp')

export function wellKnownUrl(address: string, suffix: string): string {
  const { origin, pathname } = new URL(address)
  return `${origin}/.well-known/${suffix}${pathname === '/' ? '' : pathname}`
}

/** What a client that was refused reads next: of the resource it asked, which is the MCP endpoint (RFC 9728 §3.3). */
export const resourceMetadataUrl = (issuerUrl: string): string =>
  wellKnownUrl(mcpAddress(issuerUrl), 'oauth-protected-resource')
