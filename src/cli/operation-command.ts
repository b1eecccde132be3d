// One command per operation, all made from the operation table.

import { Command } from 'commander'
import type { Operation } from '../operations/operation.ts'
import { perform } from '../operations/perform.ts'
import type { Answer } from '../operations/perform.ts'
import { fail } from './failure.ts'
import { flagsOf, nestedArguments } from './flags.ts'
import type { Host } from './host.ts'
import { argumentsFrom } from './input.ts'
import type { Output } from './output.ts'
import { render } from './render.ts'

export const commandNameOf = ({ name }: Operation): string => name.replaceAll('_', '-')

/** `finish` is told the exit code; flags are made only for the command that is called. */
export function operationCommand(
  operation: Operation,
  isCalled: boolean,
  { host, output, finish }: Wiring,
): Command {
  const command = new Command(commandNameOf(operation))
    .summary(operation.title)
    .description(`${operation.summary}\n\nPermission: ${operation.permission}`)
  if (!isCalled) return command
  const flags = flagsOf(operation)
  for (const { option } of flags) command.addOption(option)
  const nested = nestedArguments(operation)
  const only = nested.length === 0 ? '' : `; the only way to give ${nested.join(', ')}`
  return command
    .option('--input <file>', `arguments as a JSON object, - for stdin${only}`)
    .option('--json', 'print the result as JSON')
    .action(async (given: Record<string, unknown>) => {
      const json = given['json'] === true
      const args = argumentsFrom(flags, given)
      const session = await host.openSession()
      try {
        const { context, environment } = session
        const answer = await perform(context, operation, { arguments: args, environment })
        finish(answer.ok ? print(output, answer, json) : fail(output, answer.refusal, json))
      } finally {
        await session.close()
      }
    })
}

export interface Wiring {
  readonly host: Host
  readonly output: Output
  readonly finish: (exitCode: number) => void
}

/** A decision that denies and an audit that does not verify are answers, with exit codes of their own. */
function print(output: Output, { result, meta }: Extract<Answer, { ok: true }>, json: boolean) {
  const whole = meta === undefined ? result : { ...result, _meta: meta }
  output.data(json ? JSON.stringify(whole) : render(whole))
  if (result['allowed'] === false) return 3
  return result['ok'] === false ? 1 : 0
}
