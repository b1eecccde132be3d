// introspect_token by a registered MCP server: of tokens for itself only; of all others it learns that
// they are inactive. With `spend` one use is taken, or the token is inactive (authority: 24, 32).

import type * as z from 'zod'
import { provenServer, serverCaller } from '../authority/by-server.ts'
import type { ServerCaller } from '../authority/by-server.ts'
import { registrationMeant } from '../authority/proven-registration.ts'
import type { ByServer } from '../authority/proven-registration.ts'
import { doneByServer, refusedServer } from '../authority/registration-events.ts'
import { keysOfChain } from '../core/liveness.ts'
import { Refusal } from '../core/refusal.ts'
import { unrestrictedSince } from '../store/revocations.ts'
import type { Registration } from '../store/servers.ts'
import type { Write } from '../store/store.ts'
import { debit } from '../store/uses.ts'
import { described, subjectOf, whyInactive } from './introspection.ts'
import type { Introspection, introspectionInput, Subject } from './introspection.ts'
import type { StrangersAnswer, StrangersCall } from './operation.ts'

type Asked = z.output<typeof introspectionInput>

const operation = 'introspect_token'
const attempts = 8

/** Answers one introspection; what is refused of a known server is durable with the answer. */
export async function introspectAsServer(
  asked: Asked,
  call: StrangersCall,
): Promise<StrangersAnswer<Introspection>> {
  const { context } = call
  const presented = call.presented as ByServer
  let known: Registration | undefined
  try {
    const proven = await provenServer(context, presented)
    for (let attempt = 0; attempt < attempts; attempt++) {
      await context.live.refresh()
      known = registrationMeant(context, presented, proven)
      const result = await answer(asked, call, serverCaller(context, known, proven))
      if (result !== undefined) return { result }
    }
    throw new Refusal('unavailable', { message: 'The state changes too fast; try again.' })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await refusedServer(context, operation, known, error)
    return { refusal: error }
  }
}

/** `undefined` where something that the answer rests on has changed meanwhile. */
async function answer(
  asked: Asked,
  call: StrangersCall,
  caller: ServerCaller,
): Promise<Introspection | undefined> {
  const { seq } = call.context.live
  const done = (about: Done) => commit(call, caller, { seq, ...about })
  const subject = await subjectOf(call, asked)
  if (
    subject === undefined ||
    !isFor(caller, subject) ||
    whyInactive(call, subject) !== undefined
  ) {
    return (await done({})) ? inactive : undefined
  }
  const { grant, chain } = subject.state
  const limited = chain.filter(({ uses }) => uses !== undefined).map(({ id }) => id)
  const isSpent = asked.spend === true
  const writes = isSpent && limited.length > 0 ? [debit(limited)] : []
  try {
    const about = { target: grant.id, guard: keysOfChain(chain), writes, isSpent }
    if (!(await done(about))) return undefined
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'uses_exhausted') throw error
    return (await done({ target: grant.id })) ? inactive : undefined
  }
  return described(call, subject)
}

const inactive: Introspection = { active: false }

/** A token carries one audience; what is recorded of it counts, never what it says. */
const isFor = ({ server }: ServerCaller, { state, token }: Subject): boolean =>
  state.grant.orgId === server.orgId && token?.audience === server.id

interface Done {
  readonly target?: string
  readonly guard?: readonly string[]
  readonly writes?: readonly Write[]
  readonly isSpent?: boolean
}

/** Uses up the proof, and writes the event; where there is nothing else to write that one may wait. */
async function commit(
  { context }: StrangersCall,
  { registration, spend, guard: own }: ServerCaller,
  { seq, target, guard = [], writes = [], isSpent = false }: Done & { readonly seq: number },
): Promise<boolean> {
  const detail = isSpent ? { spend: true } : {}
  const event = () => doneByServer(context, operation, registration, target, detail)
  if (spend.length === 0 && !isSpent && context.settings.auditChecks === 'batched') {
    context.audit.add(`${operation} ${registration.id} ${target ?? ''}`, event)
    return true
  }
  const all = [...spend, unrestrictedSince([...own, ...guard], seq), ...writes]
  const unit = { writes: all, events: [event()], reserved: 'checks' as const }
  return (await context.committer.submit(unit)) === 'committed'
}
