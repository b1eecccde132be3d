// Which protocol era a message belongs to while none is settled. A request that names its revision in
// its envelope belongs to 2026-07-28; `initialize` and everything unclear belong to the era before.
import type { Message } from './message.ts'

export type Era = 'legacy' | 'modern'

export interface Verdict {
  readonly era: Era
  /** Whether the connection keeps this era; a notification, a probe or an offer we decline does not. */
  readonly settles: boolean
}

export function eraOf({ id, method, params }: Message): Verdict {
  const { _meta: meta } = params ?? {}
  const claimed = meta?.[PROTOCOL_VERSION]
  const complete = claimed === MODERN_REVISION && typeof meta?.[CLIENT_CAPABILITIES] === 'object'
  if (claimed === undefined || (method === 'initialize' && !complete)) {
    return { era: 'legacy', settles: id !== undefined }
  }
  return { era: 'modern', settles: complete && id !== undefined && method !== 'server/discover' }
}

const MODERN_REVISION = '2026-07-28'
const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
