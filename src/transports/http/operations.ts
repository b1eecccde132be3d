// `POST /operations/<name>`: the arguments are the JSON body, its `_meta` member is the request's metadata,
// and the answer is the result with what is handed out in `_meta`.

import { Refusal } from '../../core/refusal.ts'
import { operationByName } from '../../operations/index.ts'
import { perform } from '../../operations/perform.ts'
import { unknownOperation } from '../../operations/unknown-operation.ts'
import { traceIn } from '../trace.ts'
import { json, refused } from './answer.ts'
import type { Direct, Door } from './door.ts'
import { wrongMethod } from './faults.ts'
import { isObject, jsonIn } from './json.ts'
import { limitCaller, nobody } from './nobody.ts'

export const operationDirect =
  (door: Door): Direct =>
  async (arrived) => {
    const { method, path, presented, traceparent } = arrived
    const operation = operationByName(path.slice('/operations/'.length)) ?? unknownOperation
    if (method !== 'POST') throw wrongMethod('POST')
    const { _meta: meta, ...args } = objectIn(jsonIn(arrived))
    if (meta !== undefined && !isObject(meta)) throw badBody('_meta must be an object.')
    limitCaller(door, meta)
    const answer = await perform(door.context, operation, {
      arguments: args,
      environment: nobody,
      ...(meta !== undefined && { meta }),
      ...(presented !== undefined && { header: presented }),
      ...traceIn(meta, traceparent),
    })
    door.metrics.operation(operation.name, answer)
    if (!answer.ok) return refused(door, answer.refusal, arrived)
    return json(200, answer.meta ? { ...answer.result, _meta: answer.meta } : answer.result)
  }

function objectIn(value: unknown): Record<string, unknown> {
  if (isObject(value)) return value
  throw badBody('The body must be a JSON object of arguments.')
}

const badBody = (message: string): Refusal => new Refusal('invalid_request', { message })
