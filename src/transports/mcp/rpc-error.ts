// Errors that leave as JSON-RPC errors. Both SDKs read `code` and `data` off whatever a handler throws,
// so this class belongs to neither of them. Nothing unexpected is ever told to the caller.
import { Refusal } from '../../core/refusal.ts'

export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** The 2025 revisions; the SDK of 2026-07-28 sends it as -32602, as that revision wants. */
  resourceNotFound: -32002,
} as const

/** Where the doors write down what they may not say; a pino logger is one. */
export interface Log {
  error(detail: object, message: string): void
}

export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data: Readonly<Record<string, unknown>> | undefined

  constructor(code: number, message: string, data?: object) {
    super(message)
    this.code = code
    this.data = data && { ...data }
  }
}

/** What the caller is told of anything thrown: refusals in full, the rest only that it happened. */
export function toRpcError(thrown: unknown, log: Log): RpcError {
  if (thrown instanceof RpcError) return thrown
  if (thrown instanceof Refusal) {
    return new RpcError(rpcCodes.invalidRequest, thrown.message, thrown.toError())
  }
  log.error({ err: thrown }, 'a request failed unexpectedly')
  return new RpcError(rpcCodes.internalError, 'Internal error')
}
