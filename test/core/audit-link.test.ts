import { createHash } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { chainStart, chainVerifier, linkText } from '../../src/core/audit-link.ts'
import type { AuditEvent, ChainVerdict } from '../../src/core/audit-link.ts'

const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url')

const rehashed = (event: Omit<AuditEvent, 'hash'>): AuditEvent => {
  const { hash: _, ...linked } = event as AuditEvent
  return { ...linked, hash: hashOf(linkText(linked)) }
}

function chainOf(length: number): AuditEvent[] {
  const events: AuditEvent[] = []
  for (let seq = 1; seq <= length; seq++) {
    events.push(
      rehashed({
        id: `evt_${seq}`,
        chain: 'main',
        seq,
        at: 1000 + seq,
        orgId: 'org_1',
        operation: 'delegate_token',
        outcome: 'allowed',
        code: 'allowed',
        agentId: 'agt_1',
        instanceId: 'ins_1',
        grantId: 'grt_1',
        lineage: ['grt_0'],
        presented: '{"method":"secret"}',
        target: 'grt_2',
        detail: '{}',
        count: 1,
        traceId: 'abc',
        serverId: 'srv_1',
        previous: events.at(-1)?.hash ?? chainStart,
      }),
    )
  }
  return events
}

const events = chainOf(4)
const at = (seq: number): AuditEvent => events[seq - 1] as AuditEvent

function verdictOn(
  given: readonly AuditEvent[],
  head?: { readonly seq: number; readonly hash: string },
  from?: AuditEvent,
): ChainVerdict {
  const verifier = chainVerifier(hashOf, from)
  for (const event of given) verifier.add(event)
  return verifier.verdict(head)
}

const bad = (first_bad_seq: number, what: string) => ({
  ok: false,
  count: first_bad_seq - 1,
  head: first_bad_seq === 1 ? chainStart : at(first_bad_seq - 1).hash,
  first_bad_seq,
  what,
})

describe('a chain of audit events', () => {
  it('holds as it was written', () => {
    expect(verdictOn(events)).toEqual({ ok: true, count: 4, head: at(4).hash })
    expect(verdictOn(events, at(4))).toEqual({ ok: true, count: 4, head: at(4).hash })
    expect(verdictOn([])).toEqual({ ok: true, count: 0, head: chainStart })
  })

  it('can be followed from any of its events', () => {
    const rest = events.slice(2)
    expect(verdictOn(rest, at(4), at(2))).toEqual({ ok: true, count: 2, head: at(4).hash })
  })

  it('may have grown since its head was recorded', () => {
    expect(verdictOn(events, at(3))).toEqual({ ok: true, count: 4, head: at(4).hash })
  })

  it.each<keyof AuditEvent>([
    'id',
    'chain',
    'orgId',
    'operation',
    'outcome',
    'code',
    'agentId',
    'instanceId',
    'grantId',
    'presented',
    'target',
    'detail',
    'traceId',
    'serverId',
    'previous',
    'hash',
  ])('shows that %s was edited', (field) => {
    const edited = { ...at(2), [field]: `${String(at(2)[field])}.` }
    expect(verdictOn([at(1), edited, at(3), at(4)])).toEqual(bad(2, 'edited'))
  })

  it.each<[string, Partial<AuditEvent>]>([
    ['time', { at: 1003 }],
    ['count', { count: 2 }],
    ['lineage', { lineage: [] }],
    ['lineage by joining', { lineage: ['grt_0,grt_1'] }],
  ])('shows that its %s was edited', (_, change) => {
    expect(verdictOn([at(1), { ...at(2), ...change }, at(3)])).toEqual(bad(2, 'edited'))
  })

  it.each<keyof AuditEvent>(['agentId', 'instanceId', 'grantId', 'presented', 'target', 'traceId'])(
    'shows that %s was taken out',
    (field) => {
      const { [field]: _, ...edited } = at(2)
      expect(verdictOn([at(1), edited as AuditEvent])).toEqual(bad(2, 'edited'))
    },
  )

  it('shows that a value was moved to the field beside it', () => {
    const { agentId: _, ...rest } = at(1)
    const first = rehashed(rest)
    const { instanceId, ...moved } = first
    expect(instanceId).toBe('ins_1')
    expect(verdictOn([{ ...moved, agentId: 'ins_1' }])).toEqual(bad(1, 'edited'))
  })

  it.each<[string, readonly AuditEvent[], number]>([
    ['the first is gone', events.slice(1), 1],
    ['one within is gone', [at(1), at(3), at(4)], 2],
    ['several are gone', [at(1), at(4)], 2],
    ['one comes twice', [at(1), at(2), at(2), at(3)], 3],
    ['two changed places', [at(1), at(3), at(2), at(4)], 2],
  ])('shows that one is missing: %s', (_, given, seq) => {
    expect(verdictOn(given)).toEqual(bad(seq, 'missing'))
  })

  it('shows that one is out of its place where all that follow were numbered anew', () => {
    const closed = [at(1), ...events.slice(2).map((event) => ({ ...event, seq: event.seq - 1 }))]
    expect(verdictOn(closed)).toEqual(bad(2, 'reordered'))
  })

  it('shows that two changed numbers', () => {
    const swapped = [at(1), { ...at(3), seq: 2 }, { ...at(2), seq: 3 }, at(4)]
    expect(verdictOn(swapped)).toEqual(bad(2, 'reordered'))
  })

  it('shows that two changed places although numbers and hashes were made anew', () => {
    const swapped = [at(1), rehashed({ ...at(3), seq: 2 }), rehashed({ ...at(2), seq: 3 }), at(4)]
    expect(verdictOn(swapped)).toEqual(bad(2, 'reordered'))
  })

  it('shows that one was put in with a hash of its own', () => {
    const put = rehashed({ ...at(3), previous: at(1).hash, detail: '{"x":1}' })
    expect(verdictOn([at(1), at(2), put, at(4)])).toEqual(bad(3, 'reordered'))
  })

  it('shows that an event of another chain stands in it', () => {
    const other = rehashed({ ...at(2), chain: 'other', previous: chainStart })
    expect(verdictOn([at(1), other])).toEqual(bad(2, 'reordered'))
  })

  it.each([
    ['its last event', events.slice(0, 3), 4],
    ['its last two', events.slice(0, 2), 3],
    ['everything', [], 1],
  ])('shows that %s was cut off, where its end is known', (_, given, seq) => {
    expect(verdictOn(given, at(4))).toEqual(bad(seq, 'truncated'))
  })

  it('tells of the first damage only', () => {
    const given = [at(1), { ...at(2), detail: 'x' }, at(4)]
    expect(verdictOn(given, { seq: 9, hash: '' })).toEqual(bad(2, 'edited'))
  })

  it('shows without the key only whether each event names the one before', () => {
    const keyless = (given: readonly AuditEvent[]) => {
      const verifier = chainVerifier(undefined)
      for (const event of given) verifier.add(event)
      return verifier.verdict()
    }
    const edited = { ...at(2), detail: 'x' }
    expect(keyless([at(1), edited, at(3)])).toEqual({ ok: true, count: 3, head: at(3).hash })
    expect(keyless([at(1), at(3)])).toEqual(bad(2, 'missing'))
    expect(keyless([at(1), { ...at(3), seq: 2 }])).toEqual(bad(2, 'reordered'))
    expect(keyless([at(1), { ...at(2), hash: 'x' }, at(3)])).toMatchObject({ first_bad_seq: 3 })
  })
})
