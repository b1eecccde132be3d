// A credential goes to the address in --url: it must be a place that only the remote can be at.

import { expect, test } from 'vitest'
import { remoteAddress } from '../../../src/transports/bridge/remote-address.ts'

test.each([
  ['https://remit.example', 'https://remit.example/mcp'],
  ['https://remit.example/', 'https://remit.example/mcp'],
  ['https://remit.example/mcp', 'https://remit.example/mcp'],
  ['https://remit.example:8443/team', 'https://remit.example:8443/team/mcp'],
  ['http://127.0.0.1:8420', 'http://127.0.0.1:8420/mcp'],
  ['http://localhost:8420', 'http://localhost:8420/mcp'],
  ['http://[::1]:8420', 'http://[::1]:8420/mcp'],
])('%s is served at %s', (text, mcp) => {
  expect(remoteAddress(text)).toEqual({ origin: new URL(mcp).origin, mcp })
})

test.each([
  '',
  'remit.example',
  'ftp://remit.example',
  'file:///etc/passwd',
  'http://remit.example',
  'http://10.0.0.1',
  'http://127.0.0.1.remit.example',
  'http://localhost.remit.example',
  'http://0.0.0.0',
  'https://user@remit.example',
  'https://:secret@remit.example',
  'https://remit.example/?token=secret',
  'https://remit.example/#secret',
])('%s is refused unechoed', (text) => {
  const refuse = () => remoteAddress(text)
  expect(refuse).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  expect(refuse).not.toThrow(/secret/)
})
