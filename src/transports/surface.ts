// What every MCP door serves, whatever its protocol era: tools, and a few resources, each answered for
// the authority that the request presents. The doors know this interface and nothing behind it.

/** Where a request came from: its `_meta` object, as sent, and nothing that outlives the request. */
export interface RequestSource {
  readonly meta: Readonly<Record<string, unknown>> | undefined
}

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: { readonly type: 'object'; readonly [key: string]: unknown }
  readonly outputSchema: { readonly type: 'object'; readonly [key: string]: unknown }
  readonly annotations: {
    readonly readOnlyHint: boolean
    readonly destructiveHint: boolean
    readonly idempotentHint: boolean
    readonly openWorldHint: false
  }
}

export interface ToolResult {
  readonly content: readonly [{ readonly type: 'text'; readonly text: string }]
  readonly structuredContent: Readonly<Record<string, unknown>>
  readonly isError?: true
  readonly _meta?: Readonly<Record<string, unknown>>
}

export interface ResourceListing {
  readonly uri: string
  readonly name: string
  readonly title: string
  readonly description: string
  readonly mimeType: string
}

export interface ResourceTemplateListing extends Omit<ResourceListing, 'uri'> {
  readonly uriTemplate: string
}

export interface ResourceText {
  readonly uri: string
  readonly mimeType: string
  readonly text: string
}

/** Milliseconds for which a list may be kept by the caller alone (2026-07-28 `ttlMs`, `cacheScope: private`). */
export interface Listing<T> {
  readonly items: readonly T[]
  readonly ttlMs: number
}

export interface Surface {
  readonly serverInfo: { readonly name: string; readonly title: string; readonly version: string }
  readonly instructions: string
  listTools(source: RequestSource): Promise<Listing<Tool>>
  /** Never rejects: an unknown tool, bad arguments and refusals are all results with `isError`. */
  callTool(name: string, args: unknown, source: RequestSource): Promise<ToolResult>
  listResources(source: RequestSource): Promise<Listing<ResourceListing>>
  listResourceTemplates(source: RequestSource): Promise<Listing<ResourceTemplateListing>>
  /** Rejects with a `Refusal` (core/refusal.ts) where the resource is unknown or not the caller's to read. */
  readResource(uri: string, source: RequestSource): Promise<ResourceText>
}
