// The one spelling of bytes in base64url (RFC 4648 §5, unpadded). Node decodes leniently; here a text
// that would not be written again exactly as it was read is no encoding at all.

/** The bytes, or `undefined` for padding, foreign characters, whitespace or stray trailing bits. */
export function decodeBase64url(untrusted: string): Buffer | undefined {
  const bytes = Buffer.from(untrusted, 'base64url')
  return bytes.toString('base64url') === untrusted ? bytes : undefined
}
