// A body is had whole, or its request is given up: nothing waits for a sender who has left.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { readBody } from '../../../src/transports/http/body.ts'

/** What comes of a request whose sender sends this, and leaves once it has arrived. */
async function bodyOf(sent: string, mostBytes = 100): Promise<string> {
  const server = createServer()
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${sent}`)
  const [incoming] = (await once(server, 'request')) as Parameters<typeof readBody>
  const body = Promise.resolve(readBody(incoming, mostBytes)).then(String, String)
  socket.destroy()
  return body
}

test('a body that came whole is had, though its sender has left', async () => {
  expect(await bodyOf('Content-Length: 3\r\n\r\nabc')).toBe('abc')
  expect(await bodyOf('Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n')).toBe(
    'abc',
  )
})

test('of a body whose sender left before its end nothing is had', async () => {
  for (const sent of [
    'Content-Length: 4\r\n\r\nabc',
    'Content-Length: 4\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  ]) {
    expect(await bodyOf(sent)).toBe('Error: The client is gone.')
  }
})
