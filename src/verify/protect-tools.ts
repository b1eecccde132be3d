// Protects the tools of an MCP server: each is called only by whoever holds `tool/<server>/<tool>:invoke`,
// seen only by whoever may call it, and refused in the words in which Remit refuses.

import { isName } from '../core/name.ts'
import type { RefusalError } from '../core/refusal.ts'
import { Refusal, refusalText } from '../core/refusal.ts'
import { createCallProofs } from './call-proofs.ts'
import type { CallProofs } from './call-proofs.ts'
import { guardedTransport } from './guarded-transport.ts'
import type { Guard, Message, Passed, TransportLike } from './guarded-transport.ts'
import type { OfflineAuthority } from './offline-authority.ts'
import { presentedToken, withoutProofs } from './presented-token.ts'
import { refusalFor } from './reasons.ts'
import { listedFor, refusedResult } from './tool-answers.ts'
import type { Verdict, Verifier } from './verifier.ts'

/** An `McpServer` or a low-level `Server` of the MCP SDK, 1.x or 2.x. */
export type Protectable =
  | { readonly server: Connectable }
  | (Connectable & { readonly server?: undefined })

interface Connectable {
  connect(transport: never): Promise<void>
  readonly transport?: unknown
}

export interface ProtectOptions {
  /** The name that this server is registered under, as in `tool/<server>/<tool>:invoke`. */
  readonly server: string
  /** For tools whose name is no name in Remit's sense: the `scope_name` they are registered with. */
  readonly scopeNames?: Readonly<Record<string, string>>
  /** For the log: every call that was refused, with the exact reason. */
  readonly onRefusal?: (refused: { readonly tool?: string; readonly reason: string }) => void
}

/** Throws where the server is connected already, or where its name could be in no scope. */
export function protectTools(
  protectable: Protectable,
  verifier: Verifier,
  options: ProtectOptions,
): void {
  if (!isName(options.server)) throw new TypeError('That is no name that a server registers under.')
  const low: Connectable = protectable.server ?? (protectable as Connectable)
  if (low.transport !== undefined) throw new Error('Protect the tools before connecting.')
  const connect = low.connect.bind(low) as (transport: TransportLike) => Promise<void>
  const guard = guardOf(verifier, options)
  const guards = (method: string) => method === 'tools/call' || method === 'tools/list'
  Object.defineProperty(low, 'connect', {
    value: (transport: TransportLike) => connect(guardedTransport(transport, guards, guard)),
  })
}

const proofsOf = new WeakMap<Verifier, CallProofs>()

/** Those of a verifier: over HTTP each request may have a server of its own, and a proof is good once for all. */
function proofsFor(verifier: Verifier): CallProofs {
  const proofs = proofsOf.get(verifier) ?? createCallProofs(() => verifier.now())
  proofsOf.set(verifier, proofs)
  return proofs
}

function guardOf(verifier: Verifier, options: ProtectOptions): Guard {
  const proofs = proofsFor(verifier)

  async function callerOf(message: Message, extra: unknown): Promise<Verdict> {
    const { _meta, name, arguments: args } = message.params ?? {}
    const meta = (_meta ?? {}) as Readonly<Record<string, unknown>>
    const presented = presentedToken(meta, extra)
    if (!presented.ok) {
      const { reason } = presented
      return { ok: false, reason, error: refusalFor(reason).toError() }
    }
    const { token, proof } = presented
    const operation = message.method === 'tools/call' ? String(name) : 'tools/list'
    const { audience } = verifier
    const call = { audience, operation, arguments: args, meta, of: { token } }
    return verifier.verify(token, { isProven: (cnf) => proofs.isProven(proof, call, cnf) })
  }

  async function call(message: Message, extra: unknown): Promise<Passed> {
    const { name } = message.params ?? {}
    const tool = typeof name === 'string' ? name : ''
    const refuse = (reason: string, error: RefusalError): Passed => {
      options.onRefusal?.({ tool, reason })
      return { result: refusedResult(error, message) }
    }
    const verdict = await callerOf(message, extra)
    if (!verdict.ok) return refuse(verdict.reason, verdict.error)
    const { authority } = verdict
    const permission = permissionFor(options, tool)
    if (permission === undefined) {
      return refuse('unnamed_tool', { code: 'insufficient_scope', ...cannotBeNamed })
    }
    const { allowed, code, missing_at, remedy } = authority.may(permission)
    if (allowed) return { message: cleaned(message), extra: withAuthority(extra, authority) }
    const refused = code === 'allowed' ? 'insufficient_scope' : code
    const at = missing_at === undefined ? {} : { missing_at }
    return refuse(refused, {
      code: refused,
      message: refusalText(refused),
      missing: [permission],
      ...at,
      ...(remedy !== undefined && { remedy }),
    })
  }

  /** Whoever may call nothing here sees nothing. */
  async function list(message: Message, extra: unknown): Promise<Passed> {
    const verdict = await callerOf(message, extra)
    if (!verdict.ok) options.onRefusal?.({ reason: verdict.reason })
    const maySee = (tool: string) => {
      const permission = permissionFor(options, tool)
      return verdict.ok && permission !== undefined && verdict.authority.may(permission).allowed
    }
    return { message: cleaned(message), extra, answer: (result) => listedFor(result, maySee) }
  }

  return async (message, extra) => {
    try {
      return await (message.method === 'tools/call' ? call : list)(message, extra)
    } catch {
      return { result: refusedResult(new Refusal('server_error').toError(), message) }
    }
  }
}

const cannotBeNamed = {
  message: 'No scope can name this tool.',
  remedy: { text: 'Whoever runs this server can register the tool with a scope_name.' },
}

function permissionFor({ server, scopeNames }: ProtectOptions, tool: string): string | undefined {
  const isMapped = scopeNames !== undefined && Object.hasOwn(scopeNames, tool)
  const name = isMapped ? scopeNames[tool] : tool
  return name !== undefined && isName(name) ? `tool/${server}/${name}:invoke` : undefined
}

function cleaned(message: Message): Message {
  const { _meta, ...params } = message.params ?? {}
  if (_meta === undefined) return message
  const meta = withoutProofs(_meta as Readonly<Record<string, unknown>>)
  return { ...message, params: { ...params, _meta: meta } }
}

/** Handlers find who is calling in `authInfo.extra.remit`. */
function withAuthority(extra: unknown, authority: OfflineAuthority): unknown {
  const known = (extra ?? {}) as { readonly authInfo?: { readonly extra?: object } }
  const { agent_id: clientId, expires_at: expiresAt, scopes } = authority
  return {
    ...known,
    authInfo: {
      token: '',
      ...known.authInfo,
      clientId,
      scopes,
      expiresAt,
      extra: { ...known.authInfo?.extra, remit: authority },
    },
  }
}
