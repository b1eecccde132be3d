// What can be told of an RSA modulus without factoring it: its size, small factors, and whether it
// bears the fingerprint of the ROCA keys (CVE-2017-15361), whose primes are all 65537^a mod M.

export type ModulusFlaw = 'rsa_too_small' | 'rsa_too_large' | 'rsa_small_factor' | 'rsa_roca'

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/** The first flaw of a modulus given as unsigned big-endian bytes, or `undefined`. */
export function flawOfModulus(bytes: Buffer): ModulusFlaw | undefined {
  const n = BigInt(`0x${bytes.toString('hex')}`)
  const bits = n.toString(2).length
  if (bits < 2048) return 'rsa_too_small'
  if (bits > 8192) return 'rsa_too_large'
  const residues = smallPrimes.map((prime) => Number(n % BigInt(prime)))
  if ((n & 1n) === 0n || residues.includes(0)) return 'rsa_small_factor'
  // A sound modulus is a power of 65537 modulo every one of these primes once in about 2^27 times.
  generated ??= smallPrimes.map(powersModulo)
  const suspicious = residues.every((residue, i) => generated?.[i]?.has(residue) === true)
  return suspicious ? 'rsa_roca' : undefined
}

/** For each prime, the residues that 65537 generates; most processes are never asked. */
let generated: readonly ReadonlySet<number>[] | undefined

function powersModulo(prime: number): ReadonlySet<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power)
  return powers
}
