// How a token or secret reaches whom it is for. Nothing here puts one into a result's content unless the
// operator allowed `inline`; what is handed out exists only after the commit.

import {
  deliverFile,
  replaceCredentialFile,
  requireWritablePlace,
} from '../authority/deliveries.ts'
import type { Context, DeliveryKind } from '../authority/context.ts'
import { widestScopes } from '../core/authority.ts'
import type { Authority } from '../core/authority.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { secretHash } from '../authority/by-secret.ts'
import type { Issued } from '../authority/tokens.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import { insertHandoff } from '../store/handoffs.ts'
import type { Handoff } from '../store/handoffs.ts'
import type { Write } from '../store/store.ts'
import type { Call, Handed } from './operation.ts'
import { sealedTo, sealingKey } from './sealing.ts'

export interface Delivery {
  readonly writes: readonly Write[]
  readonly handOut: () => Handed | Promise<Handed>
}

/** Seconds within which a handoff must be claimed. */
const handoffLife = 600

type Choosing = Pick<Call, 'context'>

/** The kind of delivery to use; refuses what the operator or the transport does not allow. */
export function chooseDelivery(
  { context: { settings } }: Choosing,
  asked: DeliveryKind | undefined,
  what: 'token' | 'secret',
): DeliveryKind {
  const kind = asked ?? (what === 'token' ? 'handle' : settings.localFiles ? 'file' : undefined)
  const others = possibleKinds(settings, what)
  if (kind !== undefined && others.includes(kind)) return kind
  if (kind === undefined) throw badDelivery('Say how the secret shall be delivered.', others)
  if (kind === 'handle' && what === 'secret') {
    throw badDelivery('A secret cannot be fetched later by its id.', others)
  }
  if (kind === 'file' && !settings.localFiles) {
    throw badDelivery('Files are not written here.', others)
  }
  throw badDelivery(`The operator does not allow delivery ${kind} (REMIT_DELIVERY).`, others)
}

const possibleKinds = (
  { delivery, localFiles }: Context['settings'],
  what: 'token' | 'secret',
): readonly DeliveryKind[] =>
  delivery.filter((kind) => (kind === 'handle' ? what === 'token' : kind !== 'file' || localFiles))

const badDelivery = (message: string, others: readonly DeliveryKind[]): Refusal =>
  new Refusal('invalid_request', {
    message,
    remedy: {
      text:
        others.length === 0
          ? 'Ask the operator to allow another delivery (REMIT_DELIVERY).'
          : `Choose another delivery: ${others.join(', ')}.`,
    },
  })

export interface TokenDelivery {
  readonly delivery: DeliveryKind
  readonly authority: Authority
  readonly issued: Issued
  /** Seconds that a token made when a handoff is claimed shall live. */
  readonly ttl: number
  readonly recipientId: string
}

export function deliverToken(call: Call, wanted: TokenDelivery): Delivery {
  const { delivery: kind, issued, authority, ttl, recipientId } = wanted
  const { token } = issued
  switch (kind) {
    case 'meta':
      return later(() => ({ delivery: { kind }, meta: { 'dev.remit/token': issued.text() } }))
    case 'inline':
      return later(() => ({ delivery: { kind, token: issued.text() } }))
    case 'file':
      requireWritablePlace(call.context)
      return later(async () => ({
        delivery: { kind, path: await deliverFile(call.context, issued.text(), token.expiresAt) },
      }))
    case 'sealed': {
      const key = sealingKey(call.context, recipientId, widestScopes(authority))
      return later(() =>
        sealedTo(call.context, key, recipientId, {
          sub: authority.grant.id,
          token: issued.text(),
          exp: token.expiresAt,
        }),
      )
    }
    case 'handoff': {
      const { grant } = authority
      const about = { grantId: grant.id, audience: token.audience, ttl }
      return handOff(call, 'token', about, recipientId, false, grant.expiresAt)
    }
    default:
      return later(() => ({ delivery: { kind: 'handle' } }))
  }
}

const later = (handOut: Delivery['handOut']): Delivery => ({ writes: [], handOut })

type SealedSecret = Pick<SecretDelivery, 'agentId' | 'credentialId' | 'expiresAt' | 'credential'>

export interface SecretDelivery {
  readonly delivery: DeliveryKind
  /** Absent for `handoff`, which makes the secret when it is claimed. */
  readonly secret?: Secret
  readonly agentId: string
  readonly credentialId: string
  /** A first secret has nobody yet who could prove to be its recipient. */
  readonly isFirst: boolean
  readonly expiresAt?: number
  /** What the secret may do, and, where it is new, what it brings to be sealed to. */
  readonly credential: Pick<Credential, 'scopes' | 'encryptionKey'>
  /** Set when it succeeds the credential of the environment's file, which is then replaced. */
  readonly replacesOwnFile?: boolean
}

export function deliverSecret(call: Call, wanted: SecretDelivery): Delivery {
  const { delivery: kind, secret, agentId, credentialId, isFirst, expiresAt } = wanted
  if (kind === 'handoff') {
    return handOff(call, 'secret', { credentialId }, agentId, isFirst, undefined)
  }
  if (secret === undefined) throw new Refusal('server_error')
  const file = { agent_id: agentId, credential_id: credentialId, secret: secret.reveal() }
  if (kind === 'sealed') return sealSecret(call.context, wanted, file)
  const own = wanted.replacesOwnFile === true
  return handOutSecret(call.context, kind, secret, file, expiresAt, own)
}

/** To the agent alone whose secret it is; refuses where that has no key. */
export function sealSecret(
  context: Context,
  { agentId, credentialId, expiresAt, credential }: SealedSecret,
  file: Readonly<Record<string, unknown>>,
): Delivery {
  const agent = context.live.agent(agentId)
  const reach = credential.scopes ?? (agent === undefined ? [] : context.live.ceilingOf(agent))
  const key = sealingKey(context, agentId, reach, credential)
  return later(() =>
    sealedTo(context, key, agentId, {
      sub: credentialId,
      credential: file,
      ...(expiresAt !== undefined && { exp: expiresAt }),
    }),
  )
}

/** Hands out a secret of any class; `file` is the JSON that a file holds. */
export function handOutSecret(
  context: Call['context'],
  kind: DeliveryKind,
  secret: Secret,
  file: Readonly<Record<string, unknown>>,
  expiresAt?: number,
  replacesOwnFile = false,
): Delivery {
  switch (kind) {
    case 'sealed':
      throw badDelivery(
        'Only agents have keys to seal to.',
        possibleKinds(context.settings, 'secret').filter((it) => it === 'meta' || it === 'file'),
      )
    case 'meta':
      return later(() => ({ delivery: { kind }, meta: { 'dev.remit/secret': secret.reveal() } }))
    case 'inline':
      return later(() => ({ delivery: { kind, secret: secret.reveal() } }))
    default:
      requireWritablePlace(context, replacesOwnFile)
      return later(async () => {
        const text = `${JSON.stringify(file, null, 2)}\n`
        const replaced = replacesOwnFile
          ? replaceCredentialFile(context, text, String(file['agent_id']))
          : undefined
        const path = replaced ?? (await deliverFile(context, text, expiresAt))
        return { delivery: { kind: 'file', path } }
      })
  }
}

/** A one-time code; what it stands for is made when it is claimed. */
function handOff(
  call: Call,
  kind: Handoff['kind'],
  about: Pick<Handoff, 'grantId' | 'credentialId' | 'audience' | 'ttl'>,
  recipientId: string,
  byCodeAlone: boolean,
  endsAt: number | undefined,
): Delivery {
  const { context, caller, now } = call
  const code = newSecret('handoff')
  const handoff: Handoff = {
    id: context.newId('hof'),
    orgId: caller.orgId,
    codeHash: secretHash(context, code.reveal()),
    kind,
    ...about,
    recipientId,
    byCodeAlone,
    createdAt: now,
    expiresAt: Math.min(now + handoffLife, endsAt ?? Number.MAX_SAFE_INTEGER),
  }
  return {
    writes: [insertHandoff(handoff)],
    handOut: () => ({ delivery: { kind: 'handoff', handoff: code.reveal() } }),
  }
}
