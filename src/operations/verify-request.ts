// verify_request: whose HTTP request this is (RFC 9421), for whoever received it. The receiver tells what
// arrived; a request counts once for it, and only within minutes.

import * as z from 'zod'
import { requestKeys } from '../authority/request-keys.ts'
import type { RefusalCode } from '../core/refusal.ts'
import { identifierOf, readHttpSignature } from '../crypto/http-signature.ts'
import type { HttpRequest } from '../crypto/http-message.ts'
import { algorithmFor, isSignatureBy } from '../crypto/signature-algorithms.ts'
import { isProofSpent, spendFresh } from '../store/idempotency.ts'
import { one } from '../store/store.ts'
import * as field from './fields.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'
import { flawOfRequest, maxRequestAge } from './request-policy.ts'

const text = z.string().max(8192)

const input = z.object({
  method: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/, { error: 'must be a method' }),
  url: text.describe('The whole address as the client addressed it, with its query.'),
  headers: z
    .record(z.string().max(256), z.union([text, z.array(text).max(32)]))
    .describe('The headers that arrived, Signature-Input and Signature among them.'),
  body: z.string().max(262_144).optional().describe('The body that arrived, if it is text.'),
  body_digest: text
    .optional()
    .describe('Or the Content-Digest that you computed over it: sha-256=:…:'),
  label: z.string().max(64).optional().describe('Which signature, where there are several.'),
  tag: z.string().max(256).optional().describe('The tag that the signature must have.'),
  components: z
    .array(z.string().max(256))
    .max(32)
    .optional()
    .describe('What else must be covered, e.g. authorization.'),
})

const output = z.object({
  verified: z.boolean(),
  code: z.string(),
  reason: z.string().optional(),
  agent_id: z.string().optional(),
  agent_name: z.string().optional(),
  credential_id: z.string().optional(),
  algorithm: z.string().optional(),
  label: z.string().optional(),
  covered: field.strings.optional(),
  created: field.time.optional(),
  expires: field.time.optional(),
  nonce: z.string().optional(),
  tag: z.string().optional(),
  dry_run: z.boolean().optional(),
})

type Asked = z.output<typeof input>
type Verdict = z.output<typeof output>

export const verifyRequest = defineOperation({
  name: 'verify_request',
  title: 'Verify a request',
  summary:
    'Which agent signed an HTTP request that you received (RFC 9421), with its body and once; or why that is not proven.',
  permission: '·',
  effect: 'write',
  spendsUse: true,
  input,
  output,
  handle: async (asked, call): Promise<Outcome<Verdict>> => {
    const request: HttpRequest = asked
    const read = readHttpSignature(request, asked.label)
    if (!read.ok) return no(call, 'invalid_request', read.reason)
    const { signature } = read
    const flaw = flawOfRequest(request, signature, asked, call.now)
    if (flaw !== undefined) return no(call, 'invalid_request', flaw)
    const { keyid = '', alg, nonce = '', created = 0, expires } = signature
    const keys = await requestKeys(call.context, call.caller.orgId, keyid)
    if (keys.length === 0) return no(call, 'invalid_client', 'unknown_key')
    const fitting = keys.filter(({ key }) => alg === undefined || alg === algorithmFor(key))
    if (fitting.length === 0) return no(call, 'invalid_client', 'alg_does_not_fit')
    const by = fitting.find(({ key }) => isSignatureBy(key, signature.base, signature.signature))
    if (by === undefined) return no(call, 'invalid_client', 'wrong_signature')
    // Each receiver has a memory of its own: nobody spends a request for another.
    const id = `request/${call.caller.agent.id}/${by.credential.id}/${nonce}`
    if ((await one(call.context.store.read(isProofSpent(id)))) !== undefined) {
      return no(call, 'replay_detected', 'replayed')
    }
    const { agent, credential, key } = by
    return {
      result: {
        verified: true,
        code: 'allowed',
        agent_id: agent.id,
        agent_name: agent.name,
        credential_id: credential.id,
        algorithm: String(algorithmFor(key)),
        label: signature.label,
        covered: signature.components.map(identifierOf),
        created,
        ...(expires !== undefined && { expires }),
        nonce,
        ...(signature.tag !== undefined && { tag: signature.tag }),
        ...(call.dryRun && { dry_run: true }),
      },
      writes: [spendFresh(id, created + maxRequestAge)],
      target: agent.id,
      detail: { signed_by: agent.id, credential_id: credential.id },
    }
  },
})

/** An answer, not a refusal: the receiver asked, and learns that nothing is proven. */
const no = (call: Call, code: RefusalCode, reason: string): Outcome<Verdict> => ({
  result: { verified: false, code, reason, ...(call.dryRun && { dry_run: true }) },
  denied: code,
  detail: { reason },
})

export type RequestAsked = Pick<Asked, 'body' | 'body_digest' | 'tag' | 'components'>
