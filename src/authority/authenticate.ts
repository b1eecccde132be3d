// Every call is authenticated, from exactly one source. A stranger learns a code and a fixed remedy; the
// holder of something authentic but dead is known, told why, and named in the audit.

import { Refusal } from '../core/refusal.ts'
import { refused } from './authenticated.ts'
import type { Authenticated } from './authenticated.ts'
import { byAssertion } from './by-assertion.ts'
import { byKey } from './by-key.ts'
import { bySecret } from './by-secret.ts'
import { byToken } from './by-token.ts'
import type { Context } from './context.ts'
import { countGuess } from './guesses.ts'
import type { Asked } from './possession.ts'
import { unusable } from './presented.ts'
import type { Presented } from './presented.ts'

/**
 * Proves who is calling, and where that needs it that the call is theirs. `repeats` says that the call
 * could be the repeat of a rotation, which a credential ended by that very rotation may still ask for.
 */
export const authenticate = async (
  context: Context,
  presented: Presented,
  asked: Asked,
  repeats = false,
): Promise<Authenticated> =>
  countGuess(context, presented, await prove(context, presented, asked, repeats))

async function prove(
  context: Context,
  presented: Presented,
  asked: Asked,
  repeats: boolean,
): Promise<Authenticated> {
  switch (presented.kind) {
    case 'secret':
    case 'api_key':
      return bySecret(context, presented, repeats)
    case 'token':
      return byToken(context, presented, asked)
    case 'assertion':
      return byAssertion(context, presented, repeats)
    case 'private_key':
      return byKey(context, presented, repeats)
    case 'certificate':
      // What reads certificates is loaded by whoever is asked for one.
      return (await import('./by-certificate.ts')).byCertificate(context, presented, repeats)
    case 'registration':
    case 'server_proof':
    case 'management_token':
      return refused(new Refusal('wrong_credential_class'))
    case 'nothing':
    case 'unusable':
      return refused(unusable())
  }
}
