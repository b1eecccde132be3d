// Verifies the audit of the whole store, and so belongs to its first organisation (authority: 39).

import * as z from 'zod'
import { auditHash, verifyAudit as verify } from '../authority/audit-verification.ts'
import { readCheckpoints } from '../authority/checkpoint-file.ts'
import type { Signed } from '../authority/checkpoint-file.ts'
import { Refusal } from '../core/refusal.ts'
import { requireFirstOrg } from './may.ts'
import { defineOperation } from './operation.ts'

const seq = z.int().min(1)

export const verifyAudit = defineOperation({
  name: 'verify_audit',
  title: 'Verify the audit',
  summary:
    'Follow every link of the audit chains to their signed and sealed ends; names the first event that does not fit.',
  permission: 'audit:verify',
  needs: () => 'audit:verify',
  effect: 'read',
  spendsUse: false,
  input: z.strictObject({
    chain: z.string().max(128).optional().describe('By default all of them.'),
    from_seq: seq.optional(),
    to_seq: seq.optional(),
  }),
  output: z.object({
    ok: z.boolean(),
    count: z.int().describe('Events that were followed without damage.'),
    chains: z.array(
      z.object({
        chain: z.string(),
        count: z.int(),
        head: z.string(),
        first_bad_seq: z.int().optional(),
        what: z.enum(['edited', 'missing', 'reordered', 'truncated']).optional(),
      }),
    ),
  }),
  handle: async ({ chain, from_seq: from, to_seq: to }, call) => {
    requireFirstOrg(call)
    if (from !== undefined && to !== undefined && to < from) {
      throw new Refusal('invalid_request', {
        message: 'to_seq must not be below from_seq.',
        remedy: { text: 'Swap them, or leave one out.' },
      })
    }
    const { audit, keys, ring, self, store } = call.context
    await audit.flush()
    const verifiers = ring.verifiers('checkpoint', call.now)
    const signed = { verifiers, issuer: self.issuer }
    const { checkpoints } = call.context.settings
    const kept = checkpoints === undefined ? [] : await genuineIn(checkpoints, signed)
    const source = { store, hashOf: auditHash(keys), ...signed, kept }
    const report = await verify(source, { chain, from, to })
    return { result: report, detail: { ok: report.ok, count: report.count } }
  },
})

/** Checkpoints that were kept outside the database: they show what was cut with its head. */
const genuineIn = async (path: string, signed: Signed) =>
  (await readCheckpoints(path, signed)).genuine
