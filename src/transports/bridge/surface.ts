// The surface of a remote Remit, served to a host as if it were here: lists, calls and reads are forwarded
// with what the bridge presents, or with what the request's own metadata present instead of it.

import { Refusal } from '../../core/refusal.ts'
import { instructions } from '../instructions.ts'
import type { Listing, RequestSource, ResourceText, Surface, ToolResult } from '../surface.ts'
import { refusedResult } from '../tool-result.ts'
import {
  acceptKey,
  acceptsSecrets,
  refuseUnasked,
  withoutAccept,
  withoutSecrets,
} from './asked-for.ts'
import type { BridgeCredential } from './credential.ts'
import { fetchJson as overTheNet, unavailable } from './fetch-json.ts'
import type { FetchJson } from './fetch-json.ts'
import { createRemote, errorOf, isFields } from './remote.ts'
import type { RemoteAddress } from './remote-address.ts'
import { createTokens } from './tokens.ts'

export interface BridgeOptions {
  readonly address: RemoteAddress
  readonly credential: BridgeCredential
  readonly version: string
  /** Of the remote; one that is an address is found out, and must then be this. */
  readonly issuer?: string
  /** What the operator narrows the bridge to; absent: all that the credential allows. */
  readonly scopes?: readonly string[]
  readonly fetchJson?: FetchJson
  readonly now?: () => number
}

type Fields = Readonly<Record<string, unknown>>

export function bridgeSurface(options: BridgeOptions): Surface {
  const { address, version, credential, fetchJson = overTheNet, now = systemSeconds } = options
  const call = createRemote(fetchJson, address.mcp, version)
  const { scopes, issuer } = options
  const told = { ...(scopes && { scopes }), ...(issuer !== undefined && { issuer }) }
  const tokens = createTokens({ address, credential, fetchJson, call, now, ...told })

  /** Refused as unknown, the bridge's own token is replaced once: it may have ended on the way. */
  async function forward(method: string, params: Fields, { meta }: RequestSource): Promise<Fields> {
    const asked = { ...params, _meta: withoutAccept(meta) }
    if (presentsItself(meta)) return settled(await call(method, asked, {}))
    if (credential.kind === 'unusable') throw new Refusal('invalid_client')
    const presentation = await tokens.present()
    const first = await call(method, asked, presentation)
    const other = first.isUnproven ? await tokens.insteadOf(presentation) : undefined
    return settled(other === undefined ? first : await call(method, asked, other))
  }

  async function list<T>(method: string, member: string, source: RequestSource) {
    const { [member]: items, ttlMs } = await forward(method, {}, source)
    if (!Array.isArray(items)) throw strange()
    return { items: items as T[], ttlMs: typeof ttlMs === 'number' ? ttlMs : 0 } as Listing<T>
  }

  return {
    serverInfo: { name: 'remit', title: 'Remit', version },
    instructions,
    listTools: (source) => list('tools/list', 'tools', source),
    listResources: (source) => list('resources/list', 'resources', source),
    listResourceTemplates: (source) =>
      list('resources/templates/list', 'resourceTemplates', source),
    async callTool(name, args, source) {
      try {
        const accepts = acceptsSecrets(source.meta)
        if (!accepts) refuseUnasked(args)
        const params = { name, arguments: args }
        return toolResult(await forward('tools/call', params, source), accepts)
      } catch (error) {
        if (error instanceof Refusal) return refusedResult(error)
        throw error
      }
    },
    async readResource(uri, source) {
      const { contents } = await forward('resources/read', { uri }, source)
      const [first] = Array.isArray(contents) ? (contents as readonly unknown[]) : []
      if (!isFields(first)) throw strange()
      return first as unknown as ResourceText
    },
  }
}

/** What stands beside a credential in a request's metadata without being one. */
const besides: ReadonlySet<string> = new Set([
  acceptKey,
  'dev.remit/act_as',
  'dev.remit/subject_token',
  'dev.remit/handoff',
])

/** A request with a credential of its own has that alone (authority: rule 8). */
const presentsItself = (meta: Fields = {}): boolean =>
  Object.keys(meta).some((key) => key.startsWith('dev.remit/') && !besides.has(key))

function settled({ result }: { readonly result: Fields }): Fields {
  const { error } = result
  if (isFields(error) && 'code' in error && typeof error['code'] === 'number') throw errorOf(error)
  return result
}

function toolResult(result: Fields, accepts: boolean): ToolResult {
  const { content, structuredContent, isError, _meta: meta } = result
  if (!Array.isArray(content) || !isFields(structuredContent)) throw strange()
  const kept = withoutSecrets(isFields(meta) ? meta : {}, accepts)
  return {
    content: content as unknown as ToolResult['content'],
    structuredContent,
    ...(isError === true && { isError }),
    ...(Object.keys(kept).length > 0 && { _meta: kept }),
  }
}

const strange = (): Refusal =>
  unavailable('The remote Remit answers something else than was asked.')

const systemSeconds = (): number => Math.floor(Date.now() / 1000)
