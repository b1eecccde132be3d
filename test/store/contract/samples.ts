// A full and a bare record of each table, how it is written and how it is read.

import { agentById, allAgents, putAgent } from '../../../src/store/agents.ts'
import { allCredentials, credentialById, putCredential } from '../../../src/store/credentials.ts'
import { grantById, insertGrant } from '../../../src/store/grants.ts'
import { handoffByCode, insertHandoff } from '../../../src/store/handoffs.ts'
import { answeredBefore, recordAnswer } from '../../../src/store/idempotency.ts'
import {
  allResourceTypes,
  putResourceType,
  resourceTypeByEntityId,
} from '../../../src/store/resource-types.ts'
import {
  allRegistrations,
  allServers,
  putRegistration,
  putServer,
  registrationById,
  serverById,
} from '../../../src/store/servers.ts'
import { allSigningKeys, putSigningKey, signingKeyById } from '../../../src/store/signing-keys.ts'
import type { Read, Write } from '../../../src/store/store.ts'
import {
  allTrustAnchors,
  putTrustAnchor,
  trustAnchorById,
} from '../../../src/store/trust-anchors.ts'
import { insertToken, tokenById } from '../../../src/store/tokens.ts'
import { agent, credential, grant, scopes, server } from '../../support/state.ts'

const created = { createdAt: 5, createdBy: 'agt_0', createdUnder: 'grt_0' }

const fullAgent = agent({
  ...created,
  description: "ä 😀 ' %",
  ceiling: scopes('demo/**:read tokens:delegate'),
  computedCeiling: true,
  sensitivity: 'high',
  authMethods: ['secret', 'api_key'],
  rotationDays: 7,
  status: 'suspended',
})

const fullCredential = credential({
  ...created,
  kind: 'api_key',
  secretHash: 'sh',
  passwordHash: 'ph',
  scopes: scopes('demo:read'),
  recordedStatus: 'rotated',
  expiresAt: 9,
  rotatedFrom: 'crd_0',
  rotatedTo: 'crd_2',
  retiresAt: 8,
  origin: 'crd_00',
})

const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'x', alg: 'EdDSA' }
const keyedCredential = credential({
  kind: 'public_key',
  publicKeys: [{ jwk, thumbprint: 't1', kid: 'one' }],
  encryptionKey: { jwk, thumbprint: 't2' },
})
const certifiedCredential = credential({
  kind: 'x509',
  anchorId: 'anc_1',
  certificateRule: { by: 'san_uri', value: 'urn:x' },
})

export const anchor = {
  id: 'anc_1',
  orgId: 'org_1',
  name: 'corp',
  certificate: 'MII',
  crl: 'required',
  status: 'active',
  createdAt: 1,
  version: 1,
} as const

const fullGrant = grant({
  instanceId: 'ins_1',
  instanceLabel: 'run',
  parentId: 'grt_0',
  lineage: ['grt_00', 'grt_0'],
  scopes: scopes('demo:read demo/a/*:*'),
  audience: ['srv_1', 'srv_2'],
  depth: 2,
  uses: 3,
  task: 'a/b',
  require: ['pop', 'approval'],
  binding: 'thumb',
  scopeLimit: scopes('demo:*'),
  createdAt: 4,
})

const standingRoot = (() => {
  const { expiresAt: _, ...rest } = grant({ standing: true, maxDepth: 16, audience: [] })
  return rest
})()

const token = {
  id: 'tok_1',
  orgId: 'org_1',
  grantId: 'grt_1',
  credentialId: 'crd_1',
  audience: 'srv_1',
  kind: 'jwt',
  hash: 'h',
  issuedAt: 1,
  expiresAt: 2,
  createdSeq: 0,
} as const

const fullServer = server({
  publicJwk: '{}',
  tools: [{ name: 'A', scope_name: 'a' }],
  registeredAt: 6,
  createdBy: 'agt_1',
  createdUnder: 'grt_1',
})

export const registration = {
  id: 'reg_1',
  orgId: 'org_1',
  serverId: 'srv_1',
  secretHash: 'sh',
  status: 'pending',
  createdAt: 1,
  expiresAt: 2,
  version: 1,
} as const
const fullRegistration = {
  ...registration,
  redeemedAt: 2,
  thumbprint: 't',
  rotatedFrom: 'reg_0',
  createdBy: 'agt_1',
  createdUnder: 'grt_1',
  managementHash: 'mh',
}

const type = {
  orgId: 'org_1',
  type: 'demo',
  description: 'd',
  operations: new Map([
    ['read', 1],
    ['write', 3],
  ]),
  ownerId: 'agt_1',
  createdAt: 1,
}

const key = {
  id: 'key_1',
  purpose: 'access_token',
  alg: 'EdDSA',
  publicJwk: '{}',
  sealedPrivate: 's',
  status: 'active',
  createdAt: 1,
} as const

const handoff = {
  id: 'hof_1',
  orgId: 'org_1',
  codeHash: 'ch',
  kind: 'token',
  recipientId: 'agt_1',
  byCodeAlone: false,
  createdAt: 1,
  expiresAt: 2,
} as const
const fullHandoff = {
  ...handoff,
  grantId: 'grt_1',
  credentialId: 'crd_1',
  audience: 'srv_1',
  ttl: 60,
  byCodeAlone: true,
}

const answered = { keyHash: 'kh', operation: 'mint_token', argumentsHash: 'ah', result: '{}' }

export interface Row {
  readonly table: string
  readonly record: object
  readonly write: Write
  readonly reads: readonly Read<object>[]
}

const row = <T extends object>(
  table: string,
  record: T,
  put: (record: T) => Write,
  ...reads: readonly Read<object>[]
): Row => ({ table, record, write: put(record), reads })

const putGrant = (of: typeof fullGrant) => insertGrant({ grant: of, guard: [] })

/** The fullest record first for each table. */
export const rows: readonly Row[] = [
  row('agents', fullAgent, putAgent, agentById('agt_1'), allAgents),
  row('agents', agent(), putAgent, agentById('agt_1'), allAgents),
  row('credentials', fullCredential, putCredential, credentialById('crd_1'), allCredentials),
  row('credentials', credential(), putCredential, credentialById('crd_1'), allCredentials),
  row('credentials', keyedCredential, putCredential, credentialById('crd_1'), allCredentials),
  row('credentials', certifiedCredential, putCredential, credentialById('crd_1'), allCredentials),
  row(
    'trust_anchors',
    { ...anchor, createdBy: 'agt_0', createdUnder: 'grt_0' },
    putTrustAnchor,
    trustAnchorById('anc_1'),
    allTrustAnchors,
  ),
  row('trust_anchors', anchor, putTrustAnchor, trustAnchorById('anc_1'), allTrustAnchors),
  row('grants', fullGrant, putGrant, grantById('grt_1')),
  row('grants', grant(), putGrant, grantById('grt_1')),
  row('grants', standingRoot, putGrant, grantById('grt_1')),
  row('tokens', { ...token, keyId: 'key_1' }, insertToken, tokenById('tok_1')),
  row('tokens', token, insertToken, tokenById('tok_1')),
  row('servers', fullServer, putServer, serverById('srv_1'), allServers),
  row('servers', server(), putServer, serverById('srv_1'), allServers),
  row(
    'registrations',
    fullRegistration,
    putRegistration,
    registrationById('reg_1'),
    allRegistrations,
  ),
  row('registrations', registration, putRegistration, registrationById('reg_1'), allRegistrations),
  row(
    'resource_types',
    { ...type, createdUnder: 'grt_0' },
    putResourceType,
    resourceTypeByEntityId('org_1/demo'),
    allResourceTypes,
  ),
  row(
    'resource_types',
    type,
    putResourceType,
    resourceTypeByEntityId('org_1/demo'),
    allResourceTypes,
  ),
  row(
    'signing_keys',
    { ...key, retiresAt: 9 },
    putSigningKey,
    signingKeyById('key_1'),
    allSigningKeys,
  ),
  row('signing_keys', key, putSigningKey, signingKeyById('key_1'), allSigningKeys),
  row('handoffs', fullHandoff, insertHandoff, handoffByCode('ch')),
  row('handoffs', handoff, insertHandoff, handoffByCode('ch')),
  row('idempotency', answered, (of) => recordAnswer(of, 1), answeredBefore('kh')),
]
