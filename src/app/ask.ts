// One operation called by a command of the host, as whoever its environment names.

import type { Session } from '../cli/host.ts'
import { Refusal } from '../core/refusal.ts'
import { operationByName } from '../operations/index.ts'
import { perform } from '../operations/perform.ts'

/** Asks an operation, here or elsewhere; a refusal is thrown. */
export type Asking = (name: string, args: object) => Promise<Readonly<Record<string, unknown>>>

/** The result; a refusal is thrown. */
export async function ask(
  { context, environment }: Session,
  name: string,
  args: object,
): Promise<Readonly<Record<string, unknown>>> {
  const operation = operationByName(name)
  if (operation === undefined) throw new Refusal('unknown_operation')
  const answer = await perform(context, operation, { arguments: args, environment })
  if (answer.ok) return answer.result
  throw answer.refusal
}

/** The same for whoever asks here or elsewhere. */
export const askingBy = (session: Session) => ({
  ask: ((name, args) => ask(session, name, args)) satisfies Asking,
  close: () => session.close(),
})
