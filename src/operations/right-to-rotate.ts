// By what right a credential is rotated, and to whom its new secret may go. Nobody gets more by it than
// they came with (law 9): one's own secret too, unless it only replaces the file it was read from.

import type { DeliveryKind } from '../authority/context.ts'
import type { Agent } from '../core/agent.ts'
import { credentialStatus, isKeyed } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { chooseDelivery } from './delivery.ts'
import { certificateFields } from './certificate-material.ts'
import type { WantedCertificate } from './certificate-material.ts'
import { keyFields } from './key-material.ts'
import type { WantedKeys } from './key-material.ts'
import { may, requireRootOrCredential, unknown } from './may.ts'
import type { Call } from './operation.ts'
import { canBeSealedTo } from './sealing.ts'
import { isStronger, reachOf, requireCover, requireNotMore } from './stronger.ts'
import { credentialMeant, lacking } from './whose-credential.ts'

interface Asking extends WantedKeys, WantedCertificate {
  readonly credential_id?: string | undefined
  readonly replace_unused?: boolean | undefined
  readonly delivery?: DeliveryKind | undefined
}

/** The credential to rotate, if the caller may: its own, or by permission on its agent. */
export function rightToRotate(call: Call, asked: Asking, isRepeat = false) {
  const { caller } = call
  const id = asked.credential_id ?? caller.credential?.id
  if (id === undefined) {
    throw new Refusal('invalid_request', {
      message: 'A call by token must name the credential to rotate.',
    })
  }
  requireRootOrCredential(call)
  const { credential: old, agent } = credentialMeant(call, id)
  const isOwn = caller.credential !== undefined && agent.id === caller.presenter.id
  if (!isOwn && !may(call, `credentials/${agent.name}:rotate`)) {
    throw lacking(call, agent, 'rotate', unknown('credential'))
  }
  if (!isRepeat) requireMayChange(call, asked, old)
  // Key material comes from the caller itself: for an agent that it does not cover it may bring none.
  if (!isOwn && bringsKeys(asked)) requireCover(call, reachOf(call, agent), 'keys')
  if (isOwn && !staysInFile(call, asked, old)) requireNotMore(call, agent, old)
  return { old, agent, isOwn }
}

/** A retiring credential rotates nothing, except to replace its own unused successor. */
function requireMayChange(
  { caller, now }: Call,
  { replace_unused }: Asking,
  old: Credential,
): void {
  const { credential } = caller
  if (credential === undefined || credentialStatus(credential, now) === 'active') return
  if (replace_unused === true && old.id === credential.id) return
  throw new Refusal('conflict', {
    message: 'A retiring credential cannot rotate.',
    remedy: {
      text: 'Use its successor; if that was lost unused, repeat with replace_unused: true.',
      operation: 'rotate_credential',
      arguments: { replace_unused: true },
    },
  })
}

const bringsKeys = (asked: Asking): boolean =>
  Object.keys({ ...keyFields, ...certificateFields }).some(
    (name) => asked[name as keyof Asking] !== undefined,
  )

/** The new secret of a stronger agent, or of another one whose old secret is compromised, goes to it. */
export function refuseUnsafeDelivery(
  call: Call,
  { delivery }: Asking,
  old: Credential,
  agent: Agent,
  isOwn: boolean,
  overlap: number,
): void {
  if (isOwn || isKeyed(old.kind)) return
  const kind = chooseDelivery(call, delivery, 'secret')
  // Sealed to what the agent had registered before, it goes to that agent alone.
  if (kind === 'sealed' && canBeSealedTo(call.context, agent.id, reachOf(call, agent, old.scopes)))
    return
  if (overlap === 0) {
    throw new Refusal('invalid_request', {
      message: 'A compromised secret of another agent cannot be replaced by handing it over.',
      remedy: {
        text: 'Seal it, if the agent has a key for that; or revoke it with revoke_credential, then give the agent a new one with add_credential.',
        operation: 'revoke_credential',
      },
    })
  }
  if (kind === 'handoff' || !isStronger(call, agent)) return
  throw new Refusal('exceeds_ceiling', {
    message: 'The new secret of a stronger agent goes to that agent alone.',
    missing_at: call.caller.agent.id,
    remedy: { text: 'Use delivery handoff or sealed, which only that agent can claim or open.' },
  })
}

/** What only replaces the file that this process was started with hands its caller nothing. */
const staysInFile = (call: Call, { delivery }: Asking, old: Credential): boolean =>
  !isKeyed(old.kind) && isFileOf(call, old) && chooseDelivery(call, delivery, 'secret') === 'file'

/** Whether it is the credential of the file that this process was started with. */
export const isFileOf = ({ context: { settings }, caller }: Call, old: Credential): boolean =>
  settings.credentialFile !== undefined &&
  caller.isEnvironments === true &&
  caller.credential?.id === old.id
