// Whether 32 bytes are an Ed25519 public key worth trusting (RFC 8032 §5.1.3). OpenSSL takes any 32
// bytes; under a point of small order the same signature can verify for many messages.

export type PointFlaw = 'not_on_curve' | 'small_order_point'

const p = 2n ** 255n - 19n
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n

/** The first flaw of an encoded point, or `undefined`. */
export function flawOfEd25519Point(encoded: Buffer): PointFlaw | undefined {
  const number = BigInt(`0x${Buffer.from(encoded.toReversed()).toString('hex')}`)
  const y = number & (2n ** 255n - 1n)
  // A y not reduced is a second spelling of a point; all of those few are of no use to anyone.
  if (y >= p) return 'not_on_curve'
  if (smallOrder.has(y)) return 'small_order_point'
  // x² = (y² − 1) / (d·y² + 1); the denominator is never zero, and x = 0 was small order.
  const u = modulo(y * y - 1n)
  const v = modulo(d * y * y + 1n)
  return power(modulo(u * v), (p - 1n) / 2n) === 1n ? undefined : 'not_on_curve'
}

/** The y of the eight points whose order divides 8: 1, −1, 0 and two of order 8. */
const order8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n
const smallOrder: ReadonlySet<bigint> = new Set([0n, 1n, p - 1n, order8, p - order8])

const modulo = (value: bigint): bigint => ((value % p) + p) % p

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = modulo(result * square)
    square = modulo(square * square)
  }
  return result
}
