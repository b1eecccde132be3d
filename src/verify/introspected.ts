// Tokens whose uses are counted say nothing themselves: only Remit knows what they are (RFC 7662). A server
// that can ask it does so for these; what it answers is read as strictly as a token.

import type { Decision } from '../core/decision.ts'
import { isPermission, parseScope, parseScopes, setCovers } from '../core/scope.ts'
import type { OfflineAuthority } from './offline-authority.ts'
import { malformed, missing } from './offline-authority.ts'

/** Asks Remit about one token; `spend` there is what counts the use. */
export type Introspect = (token: string) => Promise<Readonly<Record<string, unknown>>>

/** The authority that an answer describes; `undefined` where it is none for this server, now. */
export function introspected(
  answer: Readonly<Record<string, unknown>>,
  { issuer, audience, now }: { issuer: string; audience: string; now: number },
): OfflineAuthority | undefined {
  const { active, iss, aud, exp, scope, sub, client_id, jti, grant_id, lineage, task } = answer
  const isFree = answer['cnf'] === undefined && answer['require'] === undefined
  const isOurs = active === true && iss === issuer && aud === audience && isFree
  const isNow = typeof exp === 'number' && exp > now
  const texts = [scope, sub, client_id, grant_id].map((value) => (isText(value) ? value : ''))
  const [scopeText = '', subject = '', agent = '', grant = ''] = texts
  const scopes = parseScopes(scopeText)
  if (!isOurs || !isNow || texts.includes('') || scopes === undefined) return undefined
  const may = (permission: string): Decision => {
    const wanted = parseScope(permission)
    if (wanted === undefined || !isPermission(wanted)) return malformed(permission)
    const matched = scopes.find((each) => setCovers([each], wanted))
    if (matched === undefined) return missing(wanted, { agent, grant })
    return { permission, allowed: true, code: 'allowed', matched_scope: matched.text }
  }
  return {
    subject_id: subject,
    agent_id: agent,
    grant_id: grant,
    lineage: Array.isArray(lineage) ? lineage.filter(isText) : [],
    ...(isText(jti) && { token_id: jti }),
    ...(isText(task) && { task }),
    scopes: scopes.map(({ text }) => text),
    expires_at: exp,
    may,
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
