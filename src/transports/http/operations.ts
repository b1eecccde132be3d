// `POST /operations/<name>`: the arguments are the JSON body, its `_meta` member is the request's metadata,
// and the answer is the result with what is handed out in `_meta`.

import { operationByName } from '../../operations/index.ts'
import { perform } from '../../operations/perform.ts'
import { Refusal } from '../../core/refusal.ts'
import { refuse } from './answer.ts'
import type { Routes } from './door.ts'
import { jsonIn } from './json.ts'
import { nobody } from './nobody.ts'
import { traceIn } from '../trace.ts'

export const operationRoutes: Routes = (app, door) => {
  app.post('/operations/:name', async (ask) => {
    const { arrived } = ask.env
    const operation = operationByName(ask.req.param('name'))
    if (operation === undefined) throw new Refusal('unknown_operation')
    const { _meta: meta, ...args } = objectIn(jsonIn(ask))
    if (meta !== undefined && !isObject(meta)) throw badBody('_meta must be an object.')
    const header = arrived.presented()
    const answer = await perform(door.context, operation, {
      arguments: args,
      environment: nobody,
      ...(meta !== undefined && { meta }),
      ...(header !== undefined && { header }),
      ...traceIn(meta, arrived.traceparent),
    })
    if (!answer.ok) return refuse(ask, door, answer.refusal)
    return ask.json({ ...answer.result, ...(answer.meta && { _meta: answer.meta }) })
  })
}

function objectIn(value: unknown): Record<string, unknown> {
  if (isObject(value)) return value
  throw badBody('The body must be a JSON object of arguments.')
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const badBody = (message: string): Refusal => new Refusal('invalid_request', { message })
