// One line to one JSON-RPC message, or to the error that answers it. What passes here is what both SDKs
// recognise: they drop anything else without a word, and every request must have its answer.
import { isUtf8 } from 'node:buffer'
import { rpcCodes } from '../mcp/rpc-error.ts'

export type RequestId = string | number

export interface Message {
  readonly jsonrpc: '2.0'
  /** Present on requests, absent on notifications. */
  readonly id?: RequestId
  readonly method: string
  readonly params?: Params
}

export interface Params {
  readonly [key: string]: unknown
  readonly _meta?: Readonly<Record<string, unknown>>
}

export interface ErrorReply {
  readonly jsonrpc: '2.0'
  readonly id: RequestId | null
  readonly error: { readonly code: number; readonly message: string }
}

/** A message, a reply to what is none, or nothing where nothing is to be done. */
export type Reading =
  | { readonly message: Message; readonly reply?: undefined }
  | { readonly reply: ErrorReply; readonly message?: undefined }
  | undefined

/** Reads a line without its newline. Empty lines and answers (nothing is ever asked) are passed over. */
export function readLine(line: Buffer): Reading {
  const bytes = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) return { reply: notJson }
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return { reply: notJson }
  }
  return readValue(value)
}

export function errorReply(id: RequestId | null, code: number, message: string): ErrorReply {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

export const notJson = errorReply(null, rpcCodes.parseError, 'Parse error')

function readValue(value: unknown): Reading {
  if (!isRecord(value)) return { reply: notAMessage(null) }
  const { jsonrpc, id, method, params } = value
  if (typeof method !== 'string') {
    const isAnswer = jsonrpc === '2.0' && ('result' in value || 'error' in value)
    return isAnswer && method === undefined ? undefined : { reply: notAMessage(idOrNull(id)) }
  }
  const known = 2 + ('id' in value ? 1 : 0) + ('params' in value ? 1 : 0)
  if (jsonrpc !== '2.0' || Object.keys(value).length !== known) {
    return { reply: notAMessage(idOrNull(id)) }
  }
  if ('id' in value && !isId(id)) return { reply: notAMessage(null) }
  if (!areParams(params)) {
    return { reply: isId(id) ? badParams(id) : notAMessage(null) }
  }
  return { message: value as unknown as Message }
}

/** The shape of `params` and its `_meta` in every revision. */
function areParams(params: unknown): boolean {
  if (params === undefined) return true
  if (!isRecord(params)) return false
  const { _meta: meta } = params
  if (meta === undefined) return true
  if (!isRecord(meta)) return false
  const { progressToken, [RELATED_TASK]: task } = meta
  if (progressToken !== undefined && !isId(progressToken)) return false
  return task === undefined || (isRecord(task) && typeof task.taskId === 'string')
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isId = (value: unknown): value is RequestId =>
  typeof value === 'string' || Number.isSafeInteger(value)

const idOrNull = (value: unknown): RequestId | null => (isId(value) ? value : null)

const notAMessage = (id: RequestId | null) =>
  errorReply(id, rpcCodes.invalidRequest, 'Invalid request')

const badParams = (id: RequestId) =>
  errorReply(id, rpcCodes.invalidParams, 'Invalid params: params and _meta are objects')

const CARRIAGE_RETURN = 0x0d
const RELATED_TASK = 'io.modelcontextprotocol/related-task'
