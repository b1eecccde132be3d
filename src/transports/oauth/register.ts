// Where other MCP servers register over HTTP (RFC 7591) and look after their registration (RFC 7592). The
// registration credential is the initial access token; the server's key is shown by a proof in the body.

import type { Presented } from '../../authority/presented.ts'
import { Refusal } from '../../core/refusal.ts'
import { operationByName } from '../../operations/index.ts'
import { endManagedServer, managedServer } from '../../operations/managed-server.ts'
import type { Operation } from '../../operations/operation.ts'
import { perform } from '../../operations/perform.ts'
import { statusOf } from '../http/answer.ts'
import type { Ask, Door, Routes } from '../http/door.ts'
import { Fault } from '../http/faults.ts'
import { isObject, jsonIn } from '../http/json.ts'
import { nobody } from '../http/nobody.ts'
import { addressOf } from '../http/resource-metadata.ts'
import { traceIn } from '../trace.ts'
import { answerError } from './answer.ts'
import { argumentsIn, informationOf, refuseForeignMembers } from './client-metadata.ts'
import { oauthErrorOf, OAuthProblem } from './problem.ts'

const registerMcpServer = operationByName('register_mcp_server') as Operation
const path = '/register'

export const registrationRoutes: Routes = (app, door) => {
  app.post(path, (ask) => answering(ask, () => register(ask, door)))
  app.get(`${path}/:id`, (ask) => answering(ask, () => read(ask, door)))
  app.put(`${path}/:id`, (ask) => answering(ask, () => update(ask, door)))
  app.delete(`${path}/:id`, (ask) => answering(ask, () => end(ask, door)))
}

async function register(ask: Ask, door: Door): Promise<Response> {
  const body = jsonIn(ask.env.arrived)
  const asked = argumentsIn(body)
  const proof = isObject(body) ? body['dev.remit/proof'] : undefined
  const { id, token } = await registered(ask, door, asked, shown(ask, proof))
  return information(ask, door, id, token, 201)
}

/** An update hands out a new token, and the one it came with is over (RFC 7592 §2.2). */
async function update(ask: Ask, door: Door): Promise<Response> {
  const clientId = ask.req.param('id') ?? ''
  const { presented } = ask.env.arrived
  await managedServer(door.context, presented, clientId)
  const body = jsonIn(ask.env.arrived)
  refuseForeignMembers(body, clientId)
  const { id, token } = await registered(ask, door, argumentsIn(body), presented)
  return information(ask, door, id, token, 200)
}

async function read(ask: Ask, door: Door): Promise<Response> {
  const { presented } = ask.env.arrived
  const token = presented?.kind === 'management_token' ? presented.presentedSecret : ''
  return information(ask, door, ask.req.param('id') ?? '', token, 200)
}

async function end(ask: Ask, { context }: Door): Promise<Response> {
  await endManagedServer(context, ask.env.arrived.presented, ask.req.param('id') ?? '')
  return ask.body(null, 204, unstored)
}

/** The initial access token and the proof beside it; without one, the proof is that of the bound key. */
function shown(ask: Ask, proof: unknown): Presented {
  const { presented } = ask.env.arrived
  if (typeof proof !== 'string' || proof === '') {
    throw new OAuthProblem('invalid_client_metadata', 'dev.remit/proof must be a proof by the key.')
  }
  if (presented === undefined) return { kind: 'server_proof', presentedProof: proof }
  const isBearer = presented.kind === 'token' && presented.over?.scheme === 'Bearer'
  if (isBearer && presented.presentedProof === undefined) {
    const { presentedToken: presentedSecret } = presented
    return { kind: 'registration', presentedSecret, presentedProof: proof }
  }
  throw new Refusal(
    presented.kind === 'management_token' ? 'wrong_credential_class' : 'invalid_client',
  )
}

async function registered(
  ask: Ask,
  { context }: Door,
  asked: object,
  header: Presented | undefined,
): Promise<{ readonly id: string; readonly token: string }> {
  const answer = await perform(context, registerMcpServer, {
    arguments: asked,
    environment: nobody,
    ...(header !== undefined && { header }),
    wantsManagement: true,
    ...traceIn(undefined, ask.env.arrived.traceparent),
  })
  if (!answer.ok) throw answer.refusal
  const token = answer.meta?.['dev.remit/management_token']
  if (token === undefined) throw new Refusal('server_error')
  return { id: String(answer.result['server_id']), token }
}

/** What is registered now, as its server reads it with this token. */
async function information(
  ask: Ask,
  { context, issuerUrl = '' }: Door,
  id: string,
  token: string,
  status: 200 | 201,
): Promise<Response> {
  const presented: Presented = { kind: 'management_token', presentedSecret: token }
  const server = await managedServer(context, presented, id)
  const address = addressOf(issuerUrl, `${path}/${id}`)
  return ask.json(informationOf(server, address, token), status, unstored)
}

const unstored = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** What is wrong with the token is told as RFC 6750 §3.1 has it, with the metadata as RFC 7591 §3.2.2. */
async function answering(ask: Ask, answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer()
  } catch (error) {
    if (error instanceof OAuthProblem) {
      return answerError(ask, error.error, error.status, error.message)
    }
    if (error instanceof Fault) {
      return answerError(ask, 'invalid_request', statusOf(error), error.message)
    }
    if (!(error instanceof Refusal)) throw error
    const more = { remit: error.toError() }
    if (unproven.has(error.code)) {
      return answerError(ask, 'invalid_token', 401, error.message, more)
    }
    const { error: code, status } = oauthErrorOf(error, false)
    return status < 500 && status !== 429
      ? answerError(ask, 'invalid_client_metadata', 400, error.message, more)
      : answerError(ask, code, status, error.message, more)
  }
}

const unproven: ReadonlySet<string> = new Set([
  'invalid_client',
  'wrong_credential_class',
  'replay_detected',
])
