// Where the metadata of an address stands: the well-known path goes between its host and its own path
// (RFC 8414 §3.1, RFC 9728 §3.1).

export function wellKnownUrl(address: string, suffix: string): string {
  const { origin, pathname } = new URL(address)
  return `${origin}/.well-known/${suffix}${pathname === '/' ? '' : pathname}`
}

export const resourceMetadataUrl = (issuerUrl: string): string =>
  wellKnownUrl(issuerUrl, 'oauth-protected-resource')
