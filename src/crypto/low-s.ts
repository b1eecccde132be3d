// An ECDSA signature (r, s) has a twin (r, n − s) that verifies as well. Of our own tokens only the one
// with the lower s counts, so that an ES256 token, like an Ed25519 one, has a single spelling.

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const half = Buffer.from((order / 2n).toString(16).padStart(64, '0'), 'hex')

/** Whether the second half of a 64-byte P-256 signature is at most half the order. */
export const hasLowS = (signature: Buffer): boolean => signature.subarray(32).compare(half) <= 0

/** The same signature in its low form. */
export function toLowS(signature: Buffer): Buffer {
  if (hasLowS(signature)) return signature
  const s = order - BigInt(`0x${signature.toString('hex', 32)}`)
  return Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ])
}
