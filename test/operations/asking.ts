// Asking operations as a caller would: every result is parsed by a strict version of the operation's own
// output schema, and what a call changes is read from the tables themselves.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import * as z from 'zod'
import type { Presented } from '../../src/authority/presented.ts'
import type { RefusalError } from '../../src/core/refusal.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import type { Minted } from '../../src/operations/mint-fields.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import type { Inputs, Operation } from '../../src/operations/operation.ts'
import { operations } from '../../src/operations/index.ts'
import type { Request } from '../../src/operations/perform.ts'
import type { Context } from '../../src/authority/context.ts'
import { migrations } from '../../src/store/migrate.ts'
import type { Row, Soon } from '../../src/store/store.ts'
import type { Holder, World } from '../support/world.ts'

export type As = Holder | Presented
type With = Partial<Request> & { readonly in?: Context }

export interface Delivered {
  readonly kind: string
  readonly path?: string
  readonly handoff?: string
  readonly token?: string
  readonly secret?: string
}

export type Result<R> = R & {
  readonly delivery?: Delivered
  readonly dry_run?: boolean
  readonly meta?: undefined
}

/** The result, which must be exactly what the output schema declares. */
export async function ask<I extends Inputs, R extends object>(
  w: World,
  operation: Operation<I, R>,
  args: Record<string, unknown> = {},
  as: As = w.admin,
  request: With = {},
): Promise<Result<R>> {
  const { result } = await askForAll(w, operation, args, as, request)
  return result
}

/** The result with its metadata. */
export async function askForAll<I extends Inputs, R extends object>(
  w: World,
  operation: Operation<I, R>,
  args: Record<string, unknown> = {},
  as: As = w.admin,
  request: With = {},
): Promise<{ readonly result: Result<R>; readonly meta: Readonly<Record<string, string>> }> {
  const answer = await w.call(operation, args, as, request)
  if (!answer.ok) throw answer.refusal
  strict(operation.output).parse(answer.result)
  return { result: answer.result as Result<R>, meta: answer.meta ?? {} }
}

/** The public error, without the id of its decision, which must be there for a caller that is known. */
export async function refuse<I extends Inputs, R extends object>(
  w: World,
  operation: Operation<I, R>,
  args: Record<string, unknown> = {},
  as: As = w.admin,
  request: With = {},
): Promise<Omit<RefusalError, 'decision_id'>> {
  const { decision_id, ...error } = (
    await w.refusal(operation, args, as, request as Partial<Request>)
  ).toError()
  expect(decision_id).toMatch(/^evt_/)
  expect(error.message).not.toBe('')
  return error
}

/** No object of the schema takes a field that it does not declare. */
function strict(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape as Record<string, z.ZodType>)
    return z.strictObject(Object.fromEntries(fields.map(([name, of]) => [name, strict(of)])))
  }
  if (schema instanceof z.ZodArray) return z.array(strict(schema.element as z.ZodType))
  if (schema instanceof z.ZodOptional) return strict(schema.unwrap() as z.ZodType).optional()
  if (schema instanceof z.ZodNullable) return strict(schema.unwrap() as z.ZodType).nullable()
  return schema
}

const tables = migrations().flatMap(({ sql }) =>
  [...sql.matchAll(/^create table (\w+)/gm)].map(([, name]) => String(name)),
)

/** Every row of every table but those of the audit, and the names of the files that were delivered. */
export async function contents(w: World): Promise<Readonly<Record<string, readonly Row[]>>> {
  const rows: [string, readonly Row[]][] = []
  for (const name of tables.filter((table) => !table.startsWith('audit_'))) {
    rows.push([name, await rowsOf(w, `select * from ${name} order by 1, 2`)])
  }
  const folder = join(w.home, 'deliveries')
  const files = existsSync(folder) ? readdirSync(folder).toSorted() : []
  return { ...Object.fromEntries(rows), files: files.map((file) => ({ file })) }
}

const rowsOf = (w: World, sql: string): Soon<readonly Row[]> =>
  w.context.store.read({ sql, values: [], map: (row) => row })

/** A dry run says so and changes nothing; the same call without it does change something. */
export async function expectDryRun<I extends Inputs, R extends object>(
  w: World,
  operation: Operation<I, R>,
  args: Record<string, unknown>,
  as: As = w.admin,
): Promise<{ readonly dry: Result<R>; readonly real: Result<R> }> {
  await w.result(whoami, {}, as)
  const before = await contents(w)
  const dry = await ask(w, operation, { ...args, dry_run: true, idempotency_key: 'dry' }, as)
  expect(dry.dry_run).toBe(true)
  expect(dry.delivery).toBeUndefined()
  expect(await contents(w)).toEqual(before)
  const real = await ask(w, operation, args, as)
  expect(real.dry_run).toBeUndefined()
  expect(await contents(w)).not.toEqual(before)
  return { dry, real }
}

/** The same key answers the same and changes nothing more; with other arguments it conflicts. */
export async function expectRepeats<I extends Inputs, R extends object>(
  w: World,
  operation: Operation<I, R>,
  args: Record<string, unknown>,
  others: Record<string, unknown>,
  as: As = w.admin,
): Promise<void> {
  const first = await ask(w, operation, { ...args, idempotency_key: 'k' }, as)
  const before = await contents(w)
  expect(await ask(w, operation, { ...args, idempotency_key: 'k' }, as)).toEqual(first)
  expect(await contents(w)).toEqual(before)
  expect(
    await refuse(w, operation, { ...args, ...others, idempotency_key: 'k' }, as),
  ).toMatchObject({ code: 'conflict' })
  expect(await contents(w)).toEqual(before)
}

export const whoami = operationNamed('whoami')

export function operationNamed(name: string): Operation {
  const operation = operations.find((each) => each.name === name)
  if (operation === undefined) throw new Error(`No operation ${name}`)
  return operation
}

/** A root grant and its token, presented. */
export async function rootOf(w: World, as: Holder, args: Record<string, unknown> = {}) {
  return presentedFrom(await askForAll(w, mintToken, { ...wide, ...args, delivery: 'meta' }, as))
}

/** A grant below another and its token, presented. */
export async function childOf(w: World, as: As, args: Record<string, unknown> = {}) {
  return presentedFrom(
    await askForAll(w, delegateToken, { ...wide, ...args, delivery: 'meta' }, as),
  )
}

const wide = { scopes: ['demo:*', 'tokens:delegate'], ttl_seconds: 3600 }

function presentedFrom({ result, meta }: Awaited<ReturnType<typeof askForAll>>) {
  const { delivery: _, ...minted } = result
  const presentedToken = meta['dev.remit/token'] ?? ''
  return { ...(minted as unknown as Minted), presented: { kind: 'token', presentedToken } as const }
}

/** The newest event of the audit, once what waits for it was written. */
export async function lastEvent(w: World): Promise<Row> {
  await w.context.audit.flush()
  const [event] = await rowsOf(w, `select * from audit_events order by id desc limit 1`)
  if (event === undefined) throw new Error('No event.')
  return event
}
