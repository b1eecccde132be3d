// The one spelling of bytes in base64url (RFC 4648 §5, unpadded). Node decodes leniently; here a text
// that would not be written again exactly as it was read is no encoding at all.

/** The bytes, or `undefined` for padding, foreign characters, whitespace or stray trailing bits. */
export function decodeBase64url(untrusted: string): Buffer | undefined {
  const bytes = Buffer.from(untrusted, 'base64url')
  return bytes.toString('base64url') === untrusted ? bytes : undefined
}

/** A SHA-256 value in base64url, as thumbprints (RFC 7638, RFC 8705 §3.1) are written. */
export const isSha256Base64url = (untrusted: unknown): untrusted is string =>
  typeof untrusted === 'string' &&
  untrusted.length === 43 &&
  decodeBase64url(untrusted) !== undefined
