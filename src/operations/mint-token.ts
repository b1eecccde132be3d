// mint_token: a root grant and its first token, from proof of a credential and nothing else.

import { audienceOf } from '../authority/audience.ts'
import { Refusal } from '../core/refusal.ts'
import { mintInput, mintOutput } from './mint-fields.ts'
import type { Minted } from './mint-fields.ts'
import { mint } from './minting.ts'
import { defineOperation } from './operation.ts'
import { delegateInstead } from './perform.ts'
import { reissue } from './reissuing.ts'

export const mintToken = defineOperation({
  name: 'mint_token',
  title: 'Mint a token',
  summary:
    'Makes a root grant and a token from your credential, covered by your ceiling. With a token, use delegate_token.',
  permission: '·',
  ownNeedsCredential: true,
  effect: 'write',
  spendsUse: false,
  refusesActAs: 'exceeds_parent',
  input: mintInput,
  output: mintOutput,
  handle: (input, call) => {
    const { caller, context } = call
    if (caller.credential === undefined) {
      throw new Refusal('exceeds_parent', {
        message: 'A token cannot mint a root.',
        missing_at: caller.acting.grant.id,
        remedy: delegateInstead,
      })
    }
    const audience = audienceOf(context, caller.acting.grant)
    const source = { kind: 'credential' as const, authority: caller.acting, audience }
    return mint(call, input, source, caller.presenter)
  },
  repeat: (recorded: Minted, input, call) => reissue(call, recorded, input),
})
