// The trace that a request belongs to (W3C Trace Context): what its metadata says, else what its header does.

export function traceIn(
  meta: Readonly<Record<string, unknown>> | undefined,
  header?: string,
): { readonly traceId?: string } {
  const traceId = traceIdIn(meta?.['traceparent']) ?? traceIdIn(header)
  return traceId === undefined ? {} : { traceId }
}

function traceIdIn(traceparent: unknown): string | undefined {
  if (typeof traceparent !== 'string') return undefined
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1]
}
