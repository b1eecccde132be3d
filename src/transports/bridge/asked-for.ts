// What the model must not see. A host may show a result's metadata to its model, and whoever fills in the
// arguments may be one: a secret or token is handed out through the bridge only where the request's own
// metadata ask for it, which the harness sets and no model.

import { Refusal } from '../../core/refusal.ts'

type Fields = Readonly<Record<string, unknown>>

/** `dev.remit/accept: secrets` in a request's metadata: it comes from code that will keep them. */
export const acceptKey = 'dev.remit/accept'

export function acceptsSecrets(meta: Fields | undefined): boolean {
  const value = meta?.[acceptKey]
  if (value === undefined || value === 'secrets') return value === 'secrets'
  throw new Refusal('invalid_request', { message: `_meta["${acceptKey}"] can only be secrets.` })
}

/** The metadata without what was meant for the bridge. */
export const withoutAccept = (meta: Fields = {}): Fields =>
  Object.fromEntries(Object.entries(meta).filter(([key]) => key !== acceptKey))

/** Before anything is made that could then not be handed out. */
export function refuseUnasked(args: unknown): void {
  const kind = (args as { delivery?: unknown } | null | undefined)?.delivery
  if (kind !== 'meta' && kind !== 'inline') return
  throw new Refusal('invalid_request', {
    message: `The bridge hands out nothing by delivery ${kind} unless the harness asks for it.`,
    remedy: {
      text: `Choose handle or handoff; a harness sets _meta["${acceptKey}"] to secrets.`,
    },
  })
}

/** A result's metadata without secrets; the envelope of the remote connection goes too. */
export const withoutSecrets = (meta: Fields, accepts: boolean): Fields =>
  Object.fromEntries(
    Object.entries(meta).filter(
      ([key]) =>
        !key.startsWith('io.modelcontextprotocol/') && (accepts || !key.startsWith('dev.remit/')),
    ),
  )
