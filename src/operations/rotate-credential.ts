// rotate_credential: a successor with the same scopes and expiry, the old one still good for a while. An
// overlap of zero means compromised: the old one is dead at the commit, with the grants it made.

import * as z from 'zod'
import { credentialStatus, isKeyed, originOf, revoked } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { credentialUse, neverUsed, putCredential } from '../store/credentials.ts'
import { insertRevocation } from '../store/revocations.ts'
import { one } from '../store/store.ts'
import type { Write } from '../store/store.ts'
import { certificateFields, parseCertificate } from './certificate-material.ts'
import * as field from './fields.ts'
import { keyFields, parseKeys } from './key-material.ts'
import type { Keys } from './key-material.ts'
import { requireWayIn } from './last-admin.ts'
import { described, withProof } from './new-credential.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { repeatSecret, used, wasUsed } from './repeat-secret.ts'
import { isFileOf, refuseUnsafeDelivery, rightToRotate } from './right-to-rotate.ts'

const defaultOverlap = 86_400
const longestOverlap = 31_536_000

const input = z.object({
  credential_id: field.id('crd').optional().describe('Default: the one you came with.'),
  overlap_seconds: z
    .int()
    .min(0)
    .max(longestOverlap)
    .optional()
    .describe('How long the old one stays good; default 86400; 0 means it is compromised.'),
  replace_unused: z
    .boolean()
    .optional()
    .describe('For a lost answer: replace a successor that was never used.'),
  ...keyFields,
  ...certificateFields,
  delivery: field.delivery.optional(),
})

type Asked = z.output<typeof input>

interface Rotated {
  readonly credential_id: string
  readonly old_credential_id: string
  readonly old_retires_at: number
  readonly old_last_used_at?: number
  readonly old_used_by: readonly string[]
  readonly dry_run?: boolean
}

export const rotateCredential = defineOperation({
  name: 'rotate_credential',
  title: 'Rotate a credential',
  summary: 'Replaces a secret or key by a new one while the old stays good for the overlap.',
  permission: '· / credentials:rotate',
  ownNeedsCredential: true,
  effect: 'write',
  spendsUse: true,
  refusesActAs: 'invalid_request',
  input,
  output: z.object({
    credential_id: z.string(),
    old_credential_id: z.string(),
    old_retires_at: field.time,
    old_last_used_at: field.time.optional(),
    old_used_by: field.strings,
    delivery: field.delivered.optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: async (asked, call) => {
    const { old, agent, isOwn } = rightToRotate(call, asked)
    const successor = await successorToReplace(call, asked, old)
    const overlap = asked.overlap_seconds ?? defaultOverlap
    refuseUnsafeDelivery(call, asked, old, agent, isOwn, overlap)
    const isUnclaimed = overlap === 0 && asked.delivery === 'handoff' && !isKeyed(old.kind)
    const held = isUnclaimed ? requireWayIn(call, agent, { without: old.id }) : undefined
    const { context, caller, now } = call
    const which = { id: context.newId('crd'), agentId: agent.id, kind: old.kind }
    const certified = await parseCertificate(call, which, asked, old)
    const keys = parseKeys(old.kind, asked)
    const fresh: Credential = {
      ...inherited(old, overlap),
      ...keys,
      ...certified,
      ...which,
      recordedStatus: 'active',
      createdAt: now,
      rotatedFrom: old.id,
      origin: originOf(old),
      createdBy: caller.agent.id,
      createdUnder: caller.acting.grant.id,
      version: 1,
    }
    const made = await withProof(
      call,
      fresh,
      { ...newTo(successor, keys), ...certified },
      {
        delivery: asked.delivery,
        isFirst: false,
        replacesOwnFile: isFileOf(call, old),
      },
    )
    const retiring = endOf(old, fresh.id, now, overlap, successor !== undefined)
    const use = await one(context.store.read(credentialUse(old.id)))
    const result: Rotated = {
      credential_id: fresh.id,
      old_credential_id: old.id,
      old_retires_at: retiring.retiresAt ?? now,
      ...(use !== undefined && { old_last_used_at: use.lastUsedAt }),
      old_used_by: use?.usedBy ?? [],
      ...(call.dryRun && { dry_run: true }),
    }
    return {
      result,
      writes: [
        ...made.writes,
        putCredential(retiring),
        ...(retiring.recordedStatus === 'revoked' ? [cut(old, now, 'rotated at once')] : []),
        ...(successor === undefined ? [] : discard(successor, now)),
        ...(held?.writes ?? []),
      ],
      ...(held !== undefined && { guard: held.guard }),
      target: old.id,
      detail: { ...described(fresh), to: fresh.id, overlap, delivery: made.delivery },
      ...(made.handOut !== undefined && { handOut: made.handOut }),
    }
  },
  repeat: (recorded: Rotated, asked, call) => {
    const { old, agent, isOwn } = rightToRotate(call, asked, true)
    refuseUnsafeDelivery(call, asked, old, agent, isOwn, asked.overlap_seconds ?? defaultOverlap)
    if (call.caller.mayOnlyRepeat === true && asked.delivery === 'handoff') {
      throw new Refusal('invalid_request', {
        message: 'A dead secret could never claim a handoff; choose another delivery.',
      })
    }
    return repeatSecret(call, recorded, recorded.credential_id, {
      delivery: asked.delivery,
      isFirst: false,
      replacesOwnFile: isFileOf(call, old),
    })
  },
})

/** An active credential needs none; a retiring one only with `replace_unused` and an unused successor. */
async function successorToReplace(
  call: Call,
  { replace_unused }: Asked,
  old: Credential,
): Promise<Credential | undefined> {
  const { context, now } = call
  const status = credentialStatus(old, now)
  if (status === 'active') return undefined
  const successor = context.live.credential(old.rotatedTo ?? '')
  if (status !== 'retiring' || replace_unused !== true || successor === undefined) {
    throw new Refusal('conflict', {
      message: `The credential is ${status}; only an active one rotates.`,
      remedy: { text: 'Rotate its successor, or pass replace_unused if that was never used.' },
    })
  }
  const isActive = credentialStatus(successor, now) === 'active'
  if (!isActive || (await wasUsed(call, successor.id))) throw used()
  return successor
}

/** Scopes, end and what tells the agent apart; of what may be compromised, not the key things are sealed to. */
function inherited(old: Credential, overlap: number): Credential {
  const { secretHash: _, passwordHash: __, rotatedTo: ___, retiresAt: ____, ...same } = old
  const { encryptionKey: _____, ...withoutKey } = same
  return overlap === 0 ? withoutKey : same
}

/** What is not claimed yet: a successor that is discarded unused leaves its keys to the next. */
function newTo(discarded: Credential | undefined, keys: Keys): Keys {
  const has = new Set(
    [...(discarded?.publicKeys ?? []), discarded?.encryptionKey].map((key) => key?.thumbprint),
  )
  const { publicKeys, encryptionKey } = keys
  return {
    ...(publicKeys && { publicKeys: publicKeys.filter(({ thumbprint }) => !has.has(thumbprint)) }),
    ...(encryptionKey && !has.has(encryptionKey.thumbprint) && { encryptionKey }),
  }
}

function endOf(
  old: Credential,
  successorId: string,
  now: number,
  overlap: number,
  isReplacing: boolean,
): Credential {
  const retiresAt = isReplacing && overlap > 0 ? (old.retiresAt ?? now) : now + overlap
  const base = { ...old, rotatedTo: successorId, retiresAt, version: old.version + 1 }
  return { ...base, recordedStatus: overlap === 0 ? 'revoked' : 'rotated' }
}

/** An unused successor ends with its secret, wherever the lost answer went. */
const discard = (successor: Credential, now: number): readonly Write[] => [
  neverUsed(successor.id, 'stale'),
  putCredential(revoked(successor)),
  cut(successor, now, 'replaced unused'),
]

const cut = ({ orgId, id }: Credential, at: number, cause: string): Write =>
  insertRevocation({ orgId, kind: 'credential', target: id, within: [], cause, at })
