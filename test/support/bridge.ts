// A bridge to a world behind real doors, with everything it sends written down.

import type { Presented } from '../../src/authority/presented.ts'
import type { BridgeCredential, OwnKey } from '../../src/transports/bridge/credential.ts'
import { fetchJson } from '../../src/transports/bridge/fetch-json.ts'
import type { FetchJson } from '../../src/transports/bridge/fetch-json.ts'
import { remoteAddress } from '../../src/transports/bridge/remote-address.ts'
import { bridgeSurface } from '../../src/transports/bridge/surface.ts'
import type { ToolResult } from '../../src/transports/surface.ts'
import type { World } from './world.ts'

export interface Exchange {
  readonly path: string
  readonly status: number
  readonly authorization: string | undefined
  readonly body: string
}

export function bridged(
  w: World,
  url: string,
  credential: Presented | OwnKey = w.local.presented,
  fetching: FetchJson = fetchJson,
  issuer?: string,
) {
  const sent: Exchange[] = []
  const written: FetchJson = async (to, request = {}) => {
    const { headers = {}, body = '' } = request
    const received = await fetching(to, request)
    const { authorization } = headers
    sent.push({ path: new URL(to).pathname, status: received.status, authorization, body })
    return received
  }
  const address = remoteAddress(url)
  const surface = bridgeSurface({
    address,
    credential: credential as BridgeCredential,
    version: '1',
    fetchJson: written,
    now: w.now,
    ...(issuer !== undefined && { issuer }),
  })
  const call = async (name: string, args: object = {}, meta?: Record<string, unknown>) =>
    surface.callTool(name, args, { meta })
  return {
    surface,
    sent,
    call,
    /** Exchanges with one path, and how many there were. */
    to: (path: string) => sent.filter((each) => each.path === path),
  }
}

/** `allowed`, or the code of the refusal. */
export function codeOf({ structuredContent }: ToolResult): string {
  const { error } = structuredContent as { error?: { code: string } }
  return error?.code ?? 'allowed'
}

export const grantOf = ({ structuredContent }: ToolResult): string =>
  (structuredContent as { grant: { id: string } }).grant.id
