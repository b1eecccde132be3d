// What our reading lets through is what both SDKs recognise; they drop anything else without an answer.
import { isJSONRPCNotification, isJSONRPCRequest } from '@modelcontextprotocol/sdk/types.js'
import * as modern from '@modelcontextprotocol/server'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eraOf } from '../../src/transports/stdio/era.ts'
import type { Message } from '../../src/transports/stdio/message.ts'
import { readLine } from '../../src/transports/stdio/message.ts'
import { envelope } from './harness.ts'

const anything = fc.jsonValue() as fc.Arbitrary<unknown>
const id = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.constant(null), anything)
const meta = fc.record(
  {
    progressToken: id,
    'io.modelcontextprotocol/related-task': fc.oneof(fc.record({ taskId: anything }), anything),
    'dev.remit/token': anything,
  },
  { requiredKeys: [] },
)
const params = fc.oneof(
  fc.record({ _meta: fc.oneof(meta, anything), name: anything }, { requiredKeys: [] }),
  anything,
)
const message = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, anything),
    id,
    method: fc.oneof({ weight: 9, arbitrary: fc.string() }, anything),
    params,
    result: anything,
    extra: anything,
  },
  { requiredKeys: ['jsonrpc', 'method'] },
)

test('what passes is recognised by both SDKs, and what they recognise passes', () => {
  fc.assert(
    fc.property(message, (value) => {
      const line = JSON.stringify(value)
      const sent = JSON.parse(line) as unknown
      const passes = readLine(Buffer.from(line))?.message !== undefined
      expect(passes).toBe(isJSONRPCRequest(sent) || isJSONRPCNotification(sent))
      expect(passes).toBe(modern.isJSONRPCRequest(sent) || modern.isJSONRPCNotification(sent))
    }),
    { numRuns: 2000 },
  )
})

const message_ = (method: string, meta?: object, id: number | undefined = 1) =>
  ({
    jsonrpc: '2.0',
    ...(id !== undefined && { id }),
    method,
    params: { ...(meta && { _meta: meta }) },
  }) as Message
const { 'io.modelcontextprotocol/clientCapabilities': _, ...incomplete } = envelope
const future = { ...envelope, 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }

test.each<[string, Message, 'legacy' | 'modern', boolean]>([
  ['initialize', message_('initialize'), 'legacy', true],
  ['initialize with a torn envelope', message_('initialize', incomplete), 'legacy', true],
  ['initialize in an envelope', message_('initialize', envelope), 'modern', true],
  ['a bare ping', message_('ping'), 'legacy', true],
  ['a bare call', message_('tools/call', { 'dev.remit/token': 't' }), 'legacy', true],
  ['a bare probe', message_('server/discover'), 'legacy', true],
  ['a probe', message_('server/discover', envelope), 'modern', false],
  ['a probe for a later revision', message_('server/discover', future), 'modern', false],
  ['a call', message_('tools/call', envelope), 'modern', true],
  ['a call in a torn envelope', message_('tools/call', incomplete), 'modern', false],
  ['a call of a later revision', message_('tools/call', future), 'modern', false],
])('%s', (_name, first, era, settles) => {
  expect(eraOf(first)).toEqual({ era, settles })
})

test('a notification settles no era', () => {
  const { id: _id, ...enveloped } = message_('notifications/cancelled', envelope)
  expect(eraOf(enveloped)).toEqual({ era: 'modern', settles: false })
  const { id: _other, ...bare } = message_('notifications/initialized')
  expect(eraOf(bare)).toEqual({ era: 'legacy', settles: false })
})
