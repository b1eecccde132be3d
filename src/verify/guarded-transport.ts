// Stands between a transport and an MCP server, and asks about every tool call and list of tools before the
// server sees it. It knows the transport's public contract only, which is the same in every version of the
// SDK; whatever handles tools behind it, in whatever order it was registered, is behind it.

/** A JSON-RPC message, as far as it matters here. */
export interface Message {
  readonly id?: string | number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: unknown
}

export interface TransportLike {
  send(message: never, options?: never): Promise<void>
  onmessage?: ((message: never, extra?: never) => void) | undefined
}

export type Passed =
  /** The request as the server shall see it; `answer` may change what it answers. */
  | {
      readonly message: Message
      readonly extra: unknown
      readonly answer?: (result: unknown) => unknown
    }
  /** The server shall not see it: this is the answer. */
  | { readonly result: unknown }

/** Must never reject. */
export type Guard = (message: Message, extra: unknown) => Promise<Passed>

type Send = (message: Message, options?: unknown) => Promise<void>
type Receive = (message: Message, extra?: unknown) => void

/** The same transport with a guard before it; `guards` says which requests are asked about. */
export function guardedTransport<T extends TransportLike>(
  inner: T,
  guards: (method: string) => boolean,
  guard: Guard,
): T {
  const prefix = `remit-${crypto.randomUUID()}-`
  const waiting = new Map<string, { id: Message['id']; answer: (result: unknown) => unknown }>()
  const sendInner = inner.send.bind(inner) as unknown as Send
  let receive: Receive | undefined
  let asked = 0

  const send: Send = (message, options) => {
    const found = typeof message.id === 'string' ? waiting.get(message.id) : undefined
    if (found === undefined || message.method !== undefined) return sendInner(message, options)
    waiting.delete(message.id as string)
    const { id, answer } = found
    const own = { ...message, id }
    return sendInner('result' in own ? { ...own, result: answer(own.result) } : own, options)
  }

  async function ask(message: Message, extra: unknown): Promise<void> {
    const passed = await guard(message, extra)
    if ('result' in passed) {
      await sendInner({ jsonrpc: '2.0', id: message.id, result: passed.result } as Message)
      return
    }
    if (passed.answer === undefined) return receive?.(passed.message, passed.extra)
    // An id that nobody else can have chosen: the answer is told from every other by it.
    asked += 1
    const id = `${prefix}${asked}`
    waiting.set(id, { id: message.id, answer: passed.answer })
    receive?.({ ...passed.message, id }, passed.extra)
  }

  const arrive: Receive = (message, extra) => {
    const { id, method } = message
    if (id === undefined || method === undefined || !guards(method))
      return receive?.(message, extra)
    ask(message, extra).catch(() => undefined)
  }

  return new Proxy(inner, {
    get(target, key) {
      if (key === 'send') return send
      if (key === 'onmessage') return receive
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set(target, key, value) {
      if (key !== 'onmessage') return Reflect.set(target, key, value, target)
      receive = value as Receive
      return Reflect.set(target, key, arrive, target)
    },
  })
}
