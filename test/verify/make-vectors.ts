// The published cases: a token, the keys and the deny-list it is judged by, and what any verifier must say of
// it. Made from fixed keys at a fixed second, so that they come out the same wherever they are made.

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { DenyEntry, DenyList } from '../../src/core/deny-list.ts'
import type { AccessTokenClaims } from '../../src/core/token-claims.ts'
import { newSecret } from '../../src/crypto/secret.ts'

const now = 1_800_000_000
const issuer = 'https://remit.example'
const audience = 'urn:remit:01h455vb4pex5vsknk084sn02q:srv_01h455vb4pex5vsknk084sn02q'

const id = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`
const org = id('org', 1)

/** Ed25519 from a seed (RFC 8410 §7): what it signs is always the same. */
function key(seed: number, kid: string) {
  const der = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.alloc(32, seed),
  ])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, kid, jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' } }
}
type Key = ReturnType<typeof key>

const present = key(1, id('key', 1))
const older = key(2, id('key', 2))
const lists = key(3, id('key', 3))
const stranger = key(4, id('key', 1))
const otherRemit = key(5, id('key', 5))
const jwks = { keys: [present.jwk, older.jwk], deny_list_keys: [lists.jwk] }

const encode = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function jws({ privateKey, kid }: Key, typ: string, payload: object | string, header = {}): string {
  const input = `${encode({ alg: 'EdDSA', typ, kid, ...header })}.${encode(payload)}`
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
}

const rootGrant = id('grt', 1)
const middleGrant = id('grt', 2)
const ownGrant = id('grt', 3)
const via = [1, 2, 3].map((n) => ({
  agent: id('agt', n),
  instance: id('ins', n),
  credential: id('crd', n),
}))
const remit = {
  org,
  grant: ownGrant,
  lineage: [rootGrant, middleGrant],
  via,
  depth: 2,
  max_depth: 5,
  task: 'report/draft',
}
const claims: AccessTokenClaims = {
  iss: issuer,
  sub: id('agt', 1),
  aud: audience,
  client_id: id('agt', 3),
  iat: now - 100,
  exp: now + 200,
  jti: id('tok', 1),
  scope: 'documents/reports/**:read documents/drafts/*:* tool/notes/add:invoke',
  act: { sub: id('agt', 3), act: { sub: id('agt', 2) } },
  remit,
}
const token = (change: object = {}, by = present, header = {}) =>
  jws(by, 'at+jwt', { ...claims, ...change }, header)

const emptyList: DenyList = {
  iss: issuer,
  iat: now - 2,
  version: 50,
  mark: 'm50',
  keep_from: now - 4000,
  keys: [present.kid, older.kid],
  entries: [],
}
const list = (change: Partial<DenyList> & Record<string, unknown> = {}, by = lists) =>
  jws(by, 'remit-deny-list+jwt', { ...emptyList, ...change })
const denying = (...entries: readonly DenyEntry[]) => list({ entries })
const at = now - 50
const seq = 40

export interface Vector {
  readonly name: string
  readonly token: string
  readonly permission: string
  readonly deny_list: string
  readonly now: number
  /** The highest version that this verifier saw before. */
  readonly seen_version: number
  readonly verdict: 'allowed' | 'refused'
  /** Ours, to tell cases apart; other verifiers need only the code. */
  readonly reason: string
  readonly code: string
}

const permission = 'documents/reports/2026:read'
const good = { token: token(), permission, deny_list: list(), now, seen_version: 0 }
type Case = Omit<Vector, 'verdict'>
const found: Case[] = []
const add = (name: string, [code, reason]: readonly [string, string], change: Partial<Case> = {}) =>
  found.push({ name, ...good, ...change, reason, code })

const allowed = ['allowed', 'allowed'] as const
const invalid = (reason: string) => ['invalid_token', reason] as const
const missing = ['insufficient_scope', 'insufficient_scope'] as const
const unavailable = (reason: string) => ['unavailable', `no_list_${reason}`] as const

function permissions(): void {
  add('a path under **', allowed)
  add('a path under * and any operation', allowed, { permission: 'documents/drafts/one:write' })
  add('a tool', allowed, { permission: 'tool/notes/add:invoke' })
  add('an older key that is still believed', allowed, { token: token({}, older) })
  add('another operation', missing, { permission: 'documents/reports/2026:write' })
  add('a path beyond *', missing, { permission: 'documents/drafts/one/two:read' })
  add('a prefix of a name', missing, { permission: 'documents/reports2/x:read' })
  add('the whole type', missing, { permission: 'documents:read' })
  add('another type', missing, { permission: 'reports/2026:read' })
  add('a tool of another server', missing, { permission: 'tool/other/add:invoke' })
  add('a wildcard is no permission', ['invalid_scope', 'invalid_scope'], {
    permission: 'documents/reports/*:read',
  })
  add('capitals are no permission', ['invalid_scope', 'invalid_scope'], {
    permission: 'Documents/reports/2026:read',
  })
  add('one scope that does not parse spoils them all', missing, {
    token: token({ scope: 'documents/reports/**:read documents//x:read' }),
  })
}

function tokens(): void {
  add('the second in which it ends', invalid('expired'), { token: token({ exp: now }) })
  add('the last second before its end', allowed, { token: token({ exp: now + 1 }) })
  add('issued in a minute and a second', invalid('issued_later'), {
    token: token({ iat: now + 61 }),
  })
  add('another issuer', invalid('wrong_issuer'), { token: token({ iss: 'https://other.example' }) })
  add('another audience', invalid('wrong_audience'), { token: token({ aud: issuer }) })
  add('several audiences', invalid('wrong_claims'), { token: token({ aud: [audience] }) })
  add('a key of another Remit', invalid('unknown_key'), { token: token({}, otherRemit) })
  add('a stranger’s key under a known kid', invalid('wrong_signature'), {
    token: token({}, stranger),
  })
  add('signed by the key of the deny-list', invalid('unknown_key'), { token: token({}, lists) })
  add('a deny-list in place of a token', invalid('unknown_key'), { token: list() })
  add('alg none', invalid('unknown_key'), { token: token({}, present, { alg: 'none' }) })
  add('another algorithm for the key', invalid('unknown_key'), {
    token: token({}, present, { alg: 'ES256' }),
  })
  add('another typ', invalid('unknown_key'), { token: jws(present, 'JWT', claims) })
  add('a header with one more member', invalid('unknown_key'), {
    token: token({}, present, { crit: [] }),
  })
  add('padding at the end', invalid('not_a_token'), { token: `${token()}=` })
  add('a payload spelt otherwise', invalid('wrong_signature'), {
    token: jws(present, 'at+jwt', JSON.stringify(claims).replace('{', '{ ')),
  })
  add('a member named twice', invalid('wrong_signature'), {
    token: jws(present, 'at+jwt', JSON.stringify(claims).replace('{', '{"exp":1,')),
  })
  add('no exp', invalid('wrong_claims'), { token: token({ exp: undefined }) })
  add('an unknown member in remit', invalid('wrong_claims'), {
    token: token({ remit: { ...remit, extra: true } }),
  })
  add('via that does not fit the lineage', invalid('wrong_claims'), {
    token: token({ remit: { ...remit, via: via.slice(1) } }),
  })
  add('bound to a key, without a proof', invalid('unproven'), {
    token: token({ cnf: { jkt: 'A'.repeat(43) } }),
  })
  add('under a protection', invalid('protected'), {
    token: token({ remit: { ...remit, require: ['approval'] } }),
  })
  add('an opaque token', invalid('opaque'), {
    token: newSecret('opaque_token', () => Buffer.alloc(32, 6)).reveal(),
  })
  add('nothing', invalid('not_a_token'), { token: '' })
}

function denied(): void {
  const revoked = ['invalid_token', 'ancestor_revoked'] as const
  const says = (name: string, code: string, entry: DenyEntry) =>
    add(name, code === 'allowed' ? allowed : [code, `denied_${entry.kind}`], {
      deny_list: denying(entry),
    })
  says('its own id', revoked[0], { kind: 'token', id: claims.jti, seq, at })
  says('its own grant', revoked[0], { kind: 'grant', id: ownGrant, seq, at })
  says('a grant above it', revoked[1], { kind: 'grant', id: rootGrant, seq, at })
  says('its instance', revoked[0], { kind: 'instance', id: id('ins', 3), seq, at })
  says('an instance above it', revoked[1], { kind: 'instance', id: id('ins', 2), seq, at })
  says('its agent', revoked[0], { kind: 'agent', id: id('agt', 3), seq, at })
  says('an agent above it, suspended', 'agent_suspended', {
    kind: 'agent',
    id: id('agt', 2),
    status: 'suspended',
    seq,
    at,
  })
  says('the credential of its root', revoked[1], { kind: 'credential', id: id('crd', 1), seq, at })
  says('its task', revoked[0], { kind: 'task', id: 'report/draft', org, seq, at })
  says('the task above it', revoked[0], { kind: 'task', id: 'report', org, seq, at })
  says('a task of another organisation', 'allowed', {
    kind: 'task',
    id: 'report',
    org: id('org', 2),
    seq,
    at,
  })
  says('the key that signed it', revoked[0], { kind: 'key', id: present.kid, seq, at })
  says('the second it was issued in', revoked[1], {
    kind: 'agent',
    id: id('agt', 1),
    seq,
    at: claims.iat,
  })
  says('the second before that', 'allowed', {
    kind: 'agent',
    id: id('agt', 1),
    seq,
    at: claims.iat - 1,
  })
  says('a grant, whenever', revoked[0], { kind: 'grant', id: ownGrant, seq, at: claims.iat - 1 })
  says('whatever the second', revoked[1], {
    kind: 'agent',
    id: id('agt', 1),
    always: true,
    seq: 0,
    at: 0,
  })
  says('what was minted before it', 'allowed', {
    kind: 'credential',
    id: id('crd', 3),
    minted_before: claims.iat - 1,
    seq,
    at,
  })
  says('what was minted up to it', revoked[0], {
    kind: 'credential',
    id: id('crd', 3),
    minted_before: claims.iat,
    seq,
    at,
  })
  says('only what hangs below a grant of its own', revoked[0], {
    kind: 'agent',
    id: id('agt', 3),
    within: [middleGrant],
    seq,
    at,
  })
  says('only what hangs below the root’s credential', revoked[1], {
    kind: 'agent',
    id: id('agt', 2),
    within: [id('crd', 1)],
    seq,
    at,
  })
  says('only what hangs below a grant that is below this one', 'allowed', {
    kind: 'agent',
    id: id('agt', 1),
    within: [middleGrant],
    seq,
    at,
  })
  says('only what hangs below a stranger', 'allowed', {
    kind: 'agent',
    id: id('agt', 3),
    within: [id('grt', 9), id('crd', 2)],
    seq,
    at,
  })
  says('a sibling', 'allowed', { kind: 'grant', id: id('grt', 4), seq, at })
  add('a key that is believed no more', invalid('key_not_believed'), {
    deny_list: list({ keys: [older.kid] }),
  })
}

function narrowed(): void {
  const ceiling = (scopes: string, more: Partial<DenyEntry> = {}) =>
    denying({ kind: 'ceiling', id: id('agt', 2), scopes, seq, at, ...more } as DenyEntry)
  add('a ceiling cut above it, what is left', allowed, { deny_list: ceiling('documents:read') })
  add('a ceiling cut above it, what is lost', missing, { deny_list: ceiling('documents:write') })
  add('a ceiling cut to nothing', missing, { deny_list: ceiling('') })
  add('a ceiling cut before it was issued', allowed, {
    deny_list: ceiling('documents:write', { at: claims.iat - 1 }),
  })
  add('two cuts, of which one leaves it', missing, {
    deny_list: denying(
      { kind: 'ceiling', id: id('agt', 1), scopes: 'documents:*', seq, at },
      { kind: 'ceiling', id: id('agt', 3), scopes: 'tool:*', seq, at },
    ),
  })
  const operation = { kind: 'operation', id: 'documents:print', org, seq } as const
  const printing = { permission: 'documents/drafts/one:print' }
  add('* and an operation that was there', allowed, { ...printing })
  add('* and an operation registered since', missing, {
    ...printing,
    deny_list: denying({ ...operation, at }),
  })
  add('* and an operation registered before', allowed, {
    ...printing,
    deny_list: denying({ ...operation, at: claims.iat - 1 }),
  })
  add('an operation by its name, registered since', allowed, {
    deny_list: denying({ ...operation, id: 'documents:read', at }),
  })
}

function lists_(): void {
  add('a list of 30 seconds', allowed, { deny_list: list({ iat: now - 30 }) })
  add('a list of 31 seconds', unavailable('stale'), { deny_list: list({ iat: now - 31 }) })
  add('a list signed in a minute and a second', unavailable('ahead'), {
    deny_list: list({ iat: now + 61 }),
  })
  add('a version that was seen', allowed, { seen_version: 50 })
  add('a version below one that was seen', unavailable('rolled_back'), { seen_version: 51 })
  add('a list of another issuer', unavailable('wrong_list_issuer'), {
    deny_list: list({ iss: 'https://other.example' }),
  })
  add('a list under a key of tokens', unavailable('unknown_list_key'), {
    deny_list: list({}, present),
  })
  add('a list under a stranger’s key', unavailable('unknown_list_key'), {
    deny_list: list({}, otherRemit),
  })
  add('a token in place of a list', unavailable('unknown_list_key'), { deny_list: token() })
  add('a list that was changed', unavailable('not_a_list'), {
    deny_list: `${list().slice(0, -4)}AAAA`,
  })
  add('a delta without what it goes on from', unavailable('gap'), {
    deny_list: list({ since: { version: 49, mark: 'm49' } }),
  })
  add('a member that is not known', unavailable('not_a_list'), {
    deny_list: list({ urgent: true }),
  })
  add('an entry of a kind that is not known', unavailable('not_a_list'), {
    deny_list: list({ entries: [{ kind: 'planet', id: 'x', seq, at } as unknown as DenyEntry] }),
  })
  add('an entry with a member that is not known', unavailable('not_a_list'), {
    deny_list: list({
      entries: [{ kind: 'grant', id: ownGrant, seq, at, unless: 'x' } as unknown as DenyEntry],
    }),
  })
  add('no list', unavailable('not_a_list'), { deny_list: '' })
}

/** The whole file: keys once, lists by name, cases. */
export function makeVectors() {
  found.length = 0
  for (const group of [permissions, tokens, denied, narrowed, lists_]) group()
  const told: Record<string, string> = {}
  const names = new Map<string, string>()
  const cases: Vector[] = found.map(({ deny_list, name, code, reason, ...rest }) => {
    const known = names.get(deny_list) ?? `list ${names.size + 1}`
    names.set(deny_list, known)
    told[known] = deny_list
    const verdict = code === 'allowed' ? 'allowed' : 'refused'
    return { name, ...rest, deny_list: known, verdict, code, reason }
  })
  return { issuer, audience, jwks, deny_lists: told, cases }
}
