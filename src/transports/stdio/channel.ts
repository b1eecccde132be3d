// What an SDK takes for its transport: our messages in, its messages out. Bytes, lines and back pressure
// stay on our side of it.
export interface Channel {
  start(): Promise<void>
  send(message: object): Promise<void>
  close(): Promise<void>
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: unknown) => void
}

export function createChannel(send: (message: object) => void): Channel {
  const channel: Channel = {
    start: async () => {},
    send: async (message) => send(message),
    close: async () => channel.onclose?.(),
  }
  return channel
}
