import { describe, expect, it } from 'vitest'

import { authorityOf } from '../../src/core/authority.ts'
import { attenuate } from '../../src/core/delegation.ts'
import type { Attenuated, Attenuation, Source, Wanted } from '../../src/core/delegation.ts'
import type { Grant } from '../../src/core/grant.ts'
import type { Failure } from '../../src/core/refusal.ts'
import type { Scope } from '../../src/core/scope.ts'
import { agent, credential, grant, scopes, server, stateOf } from '../support/state.ts'

const now = 100
const wide = scopes('documents:* tokens:delegate')
const receiving = agent({ id: 'agt_2', name: 'two', ceiling: scopes('documents/**:*') })
const parent = grant({
  scopes: scopes('documents/a/**:* documents/b:read tokens:delegate'),
  audience: ['srv_1', 'srv_2'],
  createdSeq: 9,
})

const state = stateOf({
  agents: [agent({ ceiling: wide }), receiving],
  credentials: [credential()],
  servers: [
    server(),
    server({ id: 'srv_2', name: 'two' }),
    server({ id: 'srv_3', name: 'three' }),
    server({ id: 'srv_off', name: 'off', status: 'revoked' }),
    server({ id: 'srv_new', name: 'new', status: 'pending' }),
    server({ id: 'srv_far', name: 'far', orgId: 'org_2' }),
  ],
  types: { documents: { read: 0, write: 9, print: 10 } },
})

interface Case {
  readonly parent?: Partial<Grant>
  readonly source?: Partial<Source>
  readonly receiver?: Partial<typeof receiving>
  readonly wanted?: Partial<Omit<Wanted, 'scopes'>>
  readonly scopes?: string
}

function attenuateWith(given: Case): Attenuation {
  const from = { ...parent, ...given.parent }
  const receiver = { ...receiving, ...given.receiver }
  const source: Source = {
    kind: 'parent',
    authority: authorityOf([from], state),
    audience: from.audience,
    ...given.source,
  }
  const wanted: Wanted = {
    scopes: scopes(given.scopes ?? 'documents/a/x:read'),
    grantTtl: 300,
    onExcess: 'refuse',
    ...given.wanted,
  }
  return attenuate(
    source,
    { agent: receiver, ceiling: receiver.ceiling },
    wanted,
    state,
    'srv_1',
    now,
  )
}

const plain: Attenuated = {
  scopes: scopes('documents/a/x:read'),
  dropped: [],
  audience: ['srv_1'],
  depth: 1,
  maxDepth: 5,
  uses: undefined,
  task: undefined,
  require: [],
  binding: undefined,
  expiresAt: 400,
}

describe('a child takes from its parent what is not said', () => {
  it.each<[string, Case, Partial<Attenuated>]>([
    ['nothing where the parent has no limit', {}, {}],
    ['this server, where the parent has it', { parent: { audience: ['srv_2', 'srv_1'] } }, {}],
    [
      'the whole audience, where this server is not in it',
      { parent: { audience: ['srv_2', 'srv_3'] } },
      { audience: ['srv_2', 'srv_3'] },
    ],
    ['a lower max_depth', { parent: { maxDepth: 3 } }, { maxDepth: 3 }],
    ['the default max_depth where that is less', { parent: { maxDepth: 16 } }, { maxDepth: 5 }],
    [
      'no less max_depth than its own depth',
      { parent: { depth: 7, maxDepth: 16 } },
      { depth: 8, maxDepth: 8 },
    ],
    ['its uses left', { parent: { uses: 9 }, source: { usesLeft: 4 } }, { uses: 4 }],
    ['its task', { parent: { task: 'report/2026' } }, { task: 'report/2026' }],
    ['its protections', { parent: { require: ['approval'] } }, { require: ['approval'] }],
    ['its end, where that is sooner', { parent: { expiresAt: 150 } }, { expiresAt: 150 }],
  ])('%s', (_, given, expected) => {
    expect(attenuateWith(given)).toEqual({ ok: true, grant: { ...plain, ...expected } })
  })
})

describe('a child may have', () => {
  it.each<[string, Case, Partial<Attenuated>]>([
    [
      'all scopes of its parent',
      { scopes: 'documents/a/**:* documents/b:read' },
      { scopes: scopes('documents/a/**:* documents/b:read') },
    ],
    [
      'an operation that its parent means by *',
      { scopes: 'documents/a:write' },
      { scopes: scopes('documents/a:write') },
    ],
    [
      'a part of its parent’s audience',
      { wanted: { audience: ['srv_2'] } },
      { audience: ['srv_2'] },
    ],
    ['a stated max_depth', { wanted: { maxDepth: 2 } }, { maxDepth: 2 }],
    ['no depth below it', { wanted: { maxDepth: 1 } }, { maxDepth: 1 }],
    [
      'the last depth there is',
      { parent: { depth: 15, maxDepth: 16 } },
      { depth: 16, maxDepth: 16 },
    ],
    [
      'a max_depth above the default',
      { parent: { maxDepth: 16 }, wanted: { maxDepth: 16 } },
      { maxDepth: 16 },
    ],
    ['all uses that are left', { source: { usesLeft: 4 }, wanted: { uses: 4 } }, { uses: 4 }],
    ['fewer uses', { source: { usesLeft: 4 }, wanted: { uses: 1 } }, { uses: 1 }],
    ['uses of a parent without limit', { wanted: { uses: 7 } }, { uses: 7 }],
    ['a task where its parent has none', { wanted: { task: 'x' } }, { task: 'x' }],
    ['the same task', { parent: { task: 'x' }, wanted: { task: 'x' } }, { task: 'x' }],
    ['a sub-task', { parent: { task: 'x' }, wanted: { task: 'x/y' } }, { task: 'x/y' }],
    [
      'more protections',
      { parent: { require: ['pop'] }, wanted: { require: ['approval', 'pop'] } },
      { require: ['approval', 'pop'] },
    ],
    ['a key where its parent has none', { wanted: { binding: 'k2' } }, { binding: 'k2' }],
    [
      'a key of its own',
      { parent: { binding: 'k1' }, wanted: { binding: 'k2' } },
      { binding: 'k2' },
    ],
    ['a sooner end', { wanted: { grantTtl: 1 } }, { expiresAt: 101 }],
    [
      'its parent’s end, however long it asked for',
      { wanted: { grantTtl: 1_000_000 } },
      { expiresAt: 1000 },
    ],
    [
      'what its parent may give this receiver alone',
      { parent: { scopes: scopes('documents/a/**:* tokens/two:delegate') } },
      {},
    ],
  ])('%s', (_, given, expected) => {
    expect(attenuateWith(given)).toEqual({ ok: true, grant: { ...plain, ...expected } })
  })
})

const at = 'grt_1'

describe('a child is refused', () => {
  it.each<[string, Case, Failure]>([
    ['without scopes', { scopes: '' }, { code: 'invalid_scope', dimension: 'scopes', asked: [] }],
    [
      'a scope above its parent, naming each',
      { scopes: 'documents/c:read documents/a:read documents/b:write' },
      {
        code: 'exceeds_parent',
        dimension: 'scopes',
        asked: ['documents/c:read', 'documents/b:write'],
        missing_at: at,
      },
    ],
    [
      'more depth of path',
      { scopes: 'documents/b/**:read' },
      {
        code: 'exceeds_parent',
        dimension: 'scopes',
        asked: ['documents/b/**:read'],
        missing_at: at,
      },
    ],
    [
      'an operation registered after its parent was made',
      { scopes: 'documents/a:print' },
      { code: 'exceeds_parent', dimension: 'scopes', asked: ['documents/a:print'], missing_at: at },
    ],
    [
      'a scope above the ceiling of who receives it',
      { receiver: { ceiling: scopes('documents/a/y:read') } },
      {
        code: 'exceeds_ceiling',
        dimension: 'ceiling',
        asked: ['documents/a/x:read'],
        missing_at: 'agt_2',
      },
    ],
    [
      'a receiver of another organisation',
      { receiver: { orgId: 'org_2' } },
      {
        code: 'exceeds_parent',
        dimension: 'organisation',
        asked: 'agt_2',
        allowed: 'org_1',
        missing_at: at,
      },
    ],
    [
      'another task',
      { parent: { task: 'x' }, wanted: { task: 'xy' } },
      { code: 'task_mismatch', dimension: 'task', asked: 'xy', allowed: 'x', missing_at: at },
    ],
    [
      'the task above',
      { parent: { task: 'x/y' }, wanted: { task: 'x' } },
      { code: 'task_mismatch', dimension: 'task', asked: 'x', allowed: 'x/y', missing_at: at },
    ],
    [
      'an audience that is unknown, revoked, pending or of another organisation',
      { wanted: { audience: ['srv_1', 'srv_x', 'srv_off', 'srv_new', 'srv_far'] } },
      {
        code: 'invalid_target',
        dimension: 'audience',
        asked: ['srv_x', 'srv_off', 'srv_new', 'srv_far'],
      },
    ],
    [
      'an empty audience',
      { wanted: { audience: [] } },
      { code: 'invalid_target', dimension: 'audience', asked: [] },
    ],
    [
      'an audience that its parent has not',
      { wanted: { audience: ['srv_1', 'srv_3'] } },
      { code: 'exceeds_parent', dimension: 'audience', asked: ['srv_3'], missing_at: at },
    ],
    [
      'an audience where its parent has none',
      { parent: { audience: [] } },
      { code: 'exceeds_parent', dimension: 'audience', asked: [], missing_at: at },
    ],
    [
      'a depth below the last',
      { parent: { depth: 5 } },
      { code: 'depth_exhausted', dimension: 'depth', asked: 6, allowed: 5, missing_at: at },
    ],
    [
      'a depth below the last there can be',
      { parent: { depth: 16, maxDepth: 16 } },
      { code: 'depth_exhausted', dimension: 'depth', asked: 17, allowed: 16, missing_at: at },
    ],
    [
      'more max_depth than its parent has',
      { wanted: { maxDepth: 6 } },
      { code: 'exceeds_parent', dimension: 'max_depth', asked: 6, allowed: 5, missing_at: at },
    ],
    [
      'less max_depth than its own depth',
      { wanted: { maxDepth: 0 } },
      { code: 'depth_exhausted', dimension: 'max_depth', asked: 0, allowed: 5, missing_at: at },
    ],
    [
      'anything of a parent without uses left',
      { source: { usesLeft: 0 } },
      { code: 'uses_exhausted', dimension: 'uses', asked: 1, allowed: 0, missing_at: at },
    ],
    [
      'more uses than are left',
      { source: { usesLeft: 4 }, wanted: { uses: 5 } },
      { code: 'exceeds_parent', dimension: 'uses', asked: 5, allowed: 4, missing_at: at },
    ],
    [
      'freedom from the key',
      { parent: { binding: 'k1' } },
      { code: 'binding_downgrade', dimension: 'binding', asked: null, missing_at: at },
    ],
    [
      'fewer protections',
      { parent: { require: ['pop', 'approval'] }, wanted: { require: ['pop'] } },
      {
        code: 'exceeds_parent',
        dimension: 'require',
        asked: ['pop'],
        allowed: ['pop', 'approval'],
        missing_at: at,
      },
    ],
    [
      'other protections instead',
      { parent: { require: ['pop'] }, wanted: { require: ['approval', 'signed_request'] } },
      {
        code: 'exceeds_parent',
        dimension: 'require',
        asked: ['approval', 'signed_request'],
        allowed: ['pop'],
        missing_at: at,
      },
    ],
    [
      'no protections where there were some',
      { parent: { require: ['pop'] }, wanted: { require: [] } },
      { code: 'exceeds_parent', dimension: 'require', asked: [], allowed: ['pop'], missing_at: at },
    ],
    [
      'by a parent that may not delegate',
      { parent: { scopes: scopes('documents:*') } },
      {
        code: 'insufficient_scope',
        dimension: 'permission',
        asked: 'tokens:delegate',
        missing_at: at,
      },
    ],
    [
      'by a parent that may delegate to others only',
      { parent: { scopes: scopes('documents:* tokens/three:delegate') } },
      {
        code: 'insufficient_scope',
        dimension: 'permission',
        asked: 'tokens:delegate',
        missing_at: at,
      },
    ],
  ])('%s', (_, given, failure) => {
    expect(attenuateWith(given)).toEqual({ ok: false, failures: [failure] })
  })

  it('for every reason at once, in the order of the rule', () => {
    const given: Case = {
      parent: {
        scopes: scopes('documents/a:read'),
        task: 'x',
        audience: ['srv_2'],
        depth: 5,
        binding: 'k1',
        require: ['pop'],
      },
      source: { usesLeft: 1 },
      receiver: { orgId: 'org_2', ceiling: scopes('documents/b:read') },
      scopes: 'documents/b:read documents/a:read',
      wanted: {
        task: 'y',
        audience: ['srv_3', 'srv_x'],
        maxDepth: 6,
        uses: 2,
        require: [],
      },
    }
    const failed = attenuateWith(given)
    expect(failed).toEqual({
      ok: false,
      failures: [
        {
          code: 'exceeds_parent',
          dimension: 'scopes',
          asked: ['documents/b:read'],
          missing_at: at,
        },
        {
          code: 'exceeds_ceiling',
          dimension: 'ceiling',
          asked: ['documents/a:read'],
          missing_at: 'agt_2',
        },
        {
          code: 'exceeds_parent',
          dimension: 'organisation',
          asked: 'agt_2',
          allowed: 'org_1',
          missing_at: at,
        },
        { code: 'task_mismatch', dimension: 'task', asked: 'y', allowed: 'x', missing_at: at },
        { code: 'invalid_target', dimension: 'audience', asked: ['srv_x'] },
        { code: 'exceeds_parent', dimension: 'audience', asked: ['srv_3'], missing_at: at },
        { code: 'depth_exhausted', dimension: 'depth', asked: 6, allowed: 5, missing_at: at },
        { code: 'exceeds_parent', dimension: 'max_depth', asked: 6, allowed: 5, missing_at: at },
        { code: 'exceeds_parent', dimension: 'uses', asked: 2, allowed: 1, missing_at: at },
        { code: 'binding_downgrade', dimension: 'binding', asked: null, missing_at: at },
        {
          code: 'exceeds_parent',
          dimension: 'require',
          asked: [],
          allowed: ['pop'],
          missing_at: at,
        },
        {
          code: 'insufficient_scope',
          dimension: 'permission',
          asked: 'tokens:delegate',
          missing_at: at,
        },
      ],
    })
  })
})

describe('narrowing', () => {
  const narrow = { onExcess: 'narrow' } as const

  it('drops scopes that go too far, whole, and tells which', () => {
    const given = {
      scopes: 'documents/c:read documents/a/x:read documents/b:* documents/b:read',
      receiver: { ceiling: scopes('documents/a/x:*') },
      wanted: narrow,
    }
    expect(attenuateWith(given)).toEqual({
      ok: true,
      grant: { ...plain, dropped: ['documents/c:read', 'documents/b:*', 'documents/b:read'] },
    })
  })

  it('changes nothing where nothing goes too far', () => {
    expect(attenuateWith({ wanted: narrow })).toEqual({ ok: true, grant: plain })
  })

  it('never drops to none', () => {
    expect(attenuateWith({ scopes: 'documents/c:read documents/b:*', wanted: narrow })).toEqual({
      ok: false,
      failures: [
        {
          code: 'exceeds_parent',
          dimension: 'scopes',
          asked: ['documents/c:read', 'documents/b:*'],
          missing_at: at,
        },
      ],
    })
    expect(attenuateWith({ scopes: '', wanted: narrow })).toEqual({
      ok: false,
      failures: [{ code: 'invalid_scope', dimension: 'scopes', asked: [] }],
    })
  })

  it('narrows nothing but scopes', () => {
    const given = { scopes: 'documents/a/x:read secrets:read', wanted: { ...narrow, maxDepth: 9 } }
    expect(attenuateWith(given)).toEqual({
      ok: false,
      failures: [
        { code: 'exceeds_parent', dimension: 'max_depth', asked: 9, allowed: 5, missing_at: at },
      ],
    })
  })
})

describe('a root', () => {
  const standing = grant({ standing: true, audience: [], maxDepth: 16, expiresAt: 120 })
  const mint = (text: string, wanted: Partial<Wanted> = {}, limit?: readonly Scope[]) => {
    const from = { ...standing, ...(limit !== undefined && { scopeLimit: limit }) }
    const source: Source = {
      kind: 'credential',
      authority: authorityOf([from], state),
      audience: ['srv_1', 'srv_2'],
    }
    const own = agent({ ceiling: wide })
    const asked: Wanted = { scopes: scopes(text), grantTtl: 300, onExcess: 'refuse', ...wanted }
    return attenuate(source, { agent: own, ceiling: own.ceiling }, asked, state, 'srv_1', now)
  }

  it('starts at depth 0 with the defaults, needs no permission and has its own end', () => {
    expect(mint('documents/a/x:read')).toEqual({ ok: true, grant: { ...plain, depth: 0 } })
  })

  it('may have every dimension its credential can give', () => {
    const wanted = {
      maxDepth: 16,
      uses: 3,
      task: 'x',
      audience: ['srv_2'],
      require: ['pop'],
      binding: 'k1',
    } as const
    const { grantTtl, ...given } = { ...wanted, grantTtl: 300 }
    expect(mint('documents/a/x:read', wanted)).toEqual({
      ok: true,
      grant: { ...plain, ...given, depth: 0, expiresAt: now + grantTtl },
    })
  })

  it('may have no depth below it', () => {
    expect(mint('documents/a/x:read', { maxDepth: 0 })).toEqual({
      ok: true,
      grant: { ...plain, depth: 0, maxDepth: 0 },
    })
  })

  it.each<[string, Attenuation, Failure]>([
    [
      'its ceiling',
      mint('secrets:read'),
      {
        code: 'exceeds_ceiling',
        dimension: 'scopes',
        asked: ['secrets:read'],
        missing_at: 'agt_1',
      },
    ],
    [
      'the configured limit',
      mint('documents/b:read', {}, scopes('documents/a/**:*')),
      {
        code: 'exceeds_ceiling',
        dimension: 'scopes',
        asked: ['documents/b:read'],
        missing_at: 'agt_1',
      },
    ],
    [
      'the servers there are',
      mint('documents:read', { audience: ['srv_x'] }),
      { code: 'invalid_target', dimension: 'audience', asked: ['srv_x'] },
    ],
  ])('is refused what goes beyond %s', (_, given, failure) => {
    expect(given).toEqual({ ok: false, failures: [failure] })
  })
})
