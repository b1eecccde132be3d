import { describe, expect, it } from 'vitest'

import { isRegistered } from '../../src/core/registered.ts'
import type { Registered } from '../../src/core/registered.ts'
import { reservedTypes } from '../../src/core/reserved-types.ts'
import { scope, server, stateOf } from '../support/state.ts'

const types = { documents: { read: 0, write: 7 }, secrets: { rotate: 0 }, empty: {} }
const state = stateOf({ types })
const look = (text: string, orgId = 'org_1') =>
  isRegistered(scope(text), orgId, state, () => Object.keys(types))

describe('a scope is about something that is registered', () => {
  it.each([
    'documents:read',
    'documents/a/**:write',
    'documents:*',
    'secrets/db:rotate',
    'empty:*',
  ])('%s', (text) => {
    expect(look(text)).toEqual({ ok: true })
  })

  it.each<[string, Registered]>([
    ['document:read', { ok: false, what: 'type', nearest: 'documents' }],
    ['dokuments:read', { ok: false, what: 'type', nearest: 'documents' }],
    ['secret:rotate', { ok: false, what: 'type', nearest: 'secrets' }],
    ['agent:read', { ok: false, what: 'type', nearest: 'agents' }],
    ['tools:invoke', { ok: false, what: 'type', nearest: 'tool' }],
    ['constructor:read', { ok: false, what: 'type' }],
    ['zzzzzzzzzzzz:read', { ok: false, what: 'type' }],
    ['documents:raed', { ok: false, what: 'operation', nearest: 'documents:read' }],
    ['documents/a:writes', { ok: false, what: 'operation', nearest: 'documents:write' }],
    ['documents:zzzz', { ok: false, what: 'operation' }],
    ['documents:constructor', { ok: false, what: 'operation' }],
    ['empty:read', { ok: false, what: 'operation' }],
  ])('or is refused with the nearest that is: %s', (text, expected) => {
    expect(look(text)).toEqual(expected)
  })

  it('in its own organisation only', () => {
    expect(look('documents:read', 'org_2')).toMatchObject({ ok: false, what: 'type' })
  })
})

describe('a tool is `tool/<server>/<tool>` of an active server', () => {
  const notes = { id: 'srv_2', name: 'notes', tools: [{ name: 'Add', scope_name: 'add' }] }
  const gone = { id: 'srv_3', name: 'gone', tools: [{ name: 'add' }], status: 'revoked' as const }
  const withTools = stateOf({
    servers: [server(notes), server(gone)],
    types: { tool: { invoke: 0 } },
  })
  const lookUp = (text: string, orgId = 'org_1') =>
    isRegistered(scope(text), orgId, withTools, () => [])

  it.each([
    'tool:invoke',
    'tool/*/*:invoke',
    'tool/*/**:*',
    'tool/notes/**:invoke',
    'tool/notes/*:invoke',
    'tool/*/add:invoke',
    'tool/notes/add:invoke',
    'tool/notes/add/**:invoke',
  ])('%s', (text) => {
    expect(lookUp(text)).toEqual({ ok: true })
  })

  it.each([
    'tool/notes:invoke',
    'tool/*:invoke',
    'tool/notes/remove:invoke',
    'tool/gone/add:invoke',
    'tool/gone/**:invoke',
    'tool/notes/add/more:invoke',
    'tool/*/*/*:invoke',
    'tool/add/notes:invoke',
  ])('and not %s', (text) => {
    expect(lookUp(text)).toMatchObject({ ok: false, what: 'tool' })
  })

  it('whose nearest is named', () => {
    expect(lookUp('tool/note/add:invoke')).toMatchObject({ nearest: 'tool/notes/add:invoke' })
  })
})

describe('the types of Remit itself', () => {
  it('are there with these operations from the first change on', () => {
    const told = [...reservedTypes].map(([type, operations]) => [type, [...operations]])
    const from0 = (...names: string[]) => names.map((name) => [name, 0])
    expect(told).toEqual([
      ['agents', from0('register', 'update', 'suspend', 'read')],
      ['tokens', from0('delegate', 'read', 'revoke')],
      ['credentials', from0('create', 'read', 'rotate', 'revoke')],
      ['servers', from0('register', 'read', 'rotate')],
      ['resource_types', from0('register')],
      ['keys', from0('rotate')],
      ['audit', from0('read', 'verify')],
      ['permissions', from0('check')],
      ['tool', from0('invoke')],
    ])
  })
})
