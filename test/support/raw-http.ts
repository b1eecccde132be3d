// HTTP as bytes on a socket, for what no client would send.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Raw {
  readonly socket: Socket
  /** All that came back so far. */
  readonly text: () => string
  send(text: string): void
  /** Settles when what came back holds a text. */
  until(text: string): Promise<void>
  /** Settles with all that came back when the server has closed the connection. */
  closed(): Promise<string>
}

export function rawTo(url: string): Raw {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => void (text += chunk))
  // A server that has said what it had to say may reset what is still being sent.
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return {
    socket,
    text: () => text,
    send: (bytes) => void socket.write(bytes, 'latin1'),
    async until(wanted) {
      while (!text.includes(wanted)) await once(socket, 'data')
    },
    async closed() {
      if (!socket.closed) await once(socket, 'close')
      return text
    },
  }
}

/** The status of every answer in what came back. */
export const statusesIn = (text: string): number[] =>
  Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))

export const lines = (...each: readonly string[]): string => `${each.join('\r\n')}\r\n\r\n`
