// How this server is: its registration, its signing keys, its store and the end of its audit.

import * as z from 'zod'
import type { Context } from '../authority/context.ts'
import { chainStart } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import { chainHeads, newestCheckpoint } from '../store/audit.ts'
import { schemaNumber } from '../store/schema-version.ts'
import { keyPurposes } from '../store/signing-keys.ts'
import type { SigningKeyRecord } from '../store/signing-keys.ts'
import { time } from './fields.ts'
import { requireFirstOrg } from './may.ts'
import { defineOperation } from './operation.ts'

const output = z.object({
  server: z.object({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    registered_at: time,
    registration_expires_at: time
      .optional()
      .describe('Until when a registration credential that is not redeemed yet can be.'),
  }),
  signing_keys: z.array(
    z.object({
      kid: z.string(),
      status: z.enum(['active', 'retiring', 'retired']),
      alg: z.enum(['EdDSA', 'ES256']),
      created_at: time,
      purpose: z.enum(keyPurposes),
    }),
  ),
  store: z.enum(['sqlite', 'postgres']),
  schema_version: z.int(),
  change_seq: z.int(),
  audit: z.object({ count: z.int(), head: z.string(), checkpoint_at: time.nullable() }),
})

export const serverStatus = defineOperation({
  name: 'server_status',
  title: 'Server status',
  summary: 'Registration, signing keys, store and audit head of this server.',
  permission: 'servers:read',
  needs: () => 'servers:read',
  effect: 'read',
  spendsUse: false,
  input: z.strictObject({}),
  output,
  handle: async (_input, call) => {
    requireFirstOrg(call)
    const { context, now } = call
    const { live, self, store } = context
    const [schema] = await store.read(schemaNumber)
    const known = [...live.signingKeys.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const keys = keyPurposes.flatMap((purpose) => known.filter((key) => key.purpose === purpose))
    return {
      result: {
        server: thisServer(context, now),
        signing_keys: keys.map((key) => ({
          kid: key.id,
          status: statusOf(key, now),
          alg: key.alg,
          created_at: key.createdAt,
          purpose: key.purpose,
        })),
        store: store.engine,
        schema_version: schema ?? 0,
        change_seq: live.seq,
        audit: await auditEnd(context),
      },
      target: self.serverId,
    }
  },
})

function thisServer({ live, self }: Context, now: number) {
  const server = live.server(self.serverId)
  if (server?.registeredAt === undefined) throw new Refusal('unavailable')
  const pending = [...live.registrations.values()]
    .filter(({ serverId, status }) => serverId === server.id && status === 'pending')
    .map(({ expiresAt }) => expiresAt)
    .filter((expiresAt) => expiresAt > now)
  return {
    id: server.id,
    name: server.name,
    version: server.version,
    registered_at: server.registeredAt,
    ...(pending.length > 0 && { registration_expires_at: Math.max(...pending) }),
  }
}

/** A compromised key is retired at once, whatever it was meant to last. */
function statusOf({ status, retiresAt }: SigningKeyRecord, now: number) {
  if (status === 'active') return 'active'
  return status === 'rotated' && retiresAt !== undefined && retiresAt > now ? 'retiring' : 'retired'
}

/** Of all chains together: how many events, and the newest end. */
async function auditEnd({ store }: Context) {
  const heads = await store.read(chainHeads)
  const [checkpoint] = await store.read(newestCheckpoint)
  const newest = heads.toSorted((a, b) => b.at - a.at)[0]
  return {
    count: heads.reduce((count, { seq }) => count + seq, 0),
    head: newest?.hash ?? chainStart,
    checkpoint_at: checkpoint?.at ?? null,
  }
}
