// Grants bound to a key, and calls that prove it, as a harness makes them.

import type { JsonWebKey } from 'node:crypto'
import { metaKeys } from '../../src/authority/presented.ts'
import type { Presented } from '../../src/authority/presented.ts'
import type { Context } from '../../src/authority/context.ts'
import { perform } from '../../src/operations/perform.ts'
import type { Answer } from '../../src/operations/perform.ts'
import { signCallProof } from '../../src/sign/key-proof.ts'
import type { PrivateJwk, Stamp } from '../../src/sign/key-proof.ts'
import type { ProvenCall } from '../../src/crypto/call-proof.ts'
import { named } from '../attacks/attack.ts'
import { pair } from './keys.ts'
import type { World } from './world.ts'

export type Meta = Readonly<Record<string, string>>

/** A key as `bind_jwk` takes it, and the private part that its holder keeps. */
export function boundKey(kind: Parameters<typeof pair>[0] = 'ed25519') {
  const { publicJwk, privateJwk } = pair(kind)
  return { publicJwk, privateJwk: privateJwk as PrivateJwk & JsonWebKey }
}

export interface Proving extends Stamp {
  /** What is signed, where it differs from what is called. */
  readonly claims?: Partial<ProvenCall>
}

const nobody: Presented = { kind: 'nothing' }

/** The metadata of a call by a bound token, with its proof. */
export async function provenMeta(
  w: World,
  key: PrivateJwk,
  token: string,
  operation: string,
  args: unknown,
  { claims, ...stamp }: Proving = {},
): Promise<Meta> {
  const meta = { [metaKeys.token]: token }
  const call = { audience: w.issuer, operation, arguments: args, meta, of: { token }, ...claims }
  const proof = await signCallProof(key, call, { now: w.now(), ...stamp })
  return { ...meta, [metaKeys.proof]: proof }
}

/** Calls as whoever sent this metadata. */
export const callWith = async (
  w: World,
  operation: string,
  args: unknown,
  meta: Meta,
  context: Context = w.context,
): Promise<Answer> =>
  perform(context, named(operation), { arguments: args, meta, environment: nobody })

/** The call of a holder of both token and key. */
export const provenCall = async (
  w: World,
  key: PrivateJwk,
  token: string,
  operation: string,
  args: unknown = {},
  proving: Proving = {},
): Promise<Answer> =>
  callWith(w, operation, args, await provenMeta(w, key, token, operation, args, proving))
