// HTTP Message Signatures (RFC 9421): which components a signature covers, and the one text that it is over.
// Anything that could be understood in two ways is no signature here.

import { parseDictionary, serializeInnerList } from 'structured-headers'
import type { BareItem, InnerList } from 'structured-headers'
import { fieldValue, valueOf } from './http-message.ts'
import type { Component, HttpRequest } from './http-message.ts'

export interface SignatureParameters {
  readonly created?: number
  readonly expires?: number
  readonly keyid?: string
  readonly nonce?: string
  readonly alg?: string
  readonly tag?: string
}

export interface HttpSignature extends SignatureParameters {
  readonly label: string
  readonly components: readonly Component[]
  readonly signature: Buffer
  /** What was signed. */
  readonly base: Buffer
}

export type HttpSignatureFlaw =
  | 'no_signature'
  | 'ambiguous_label'
  | 'duplicate_label'
  | 'malformed_signature'
  | 'unknown_parameter'
  | 'component_not_there'
  | 'duplicate_component'

export type HttpSignatureResult =
  | { readonly ok: true; readonly signature: HttpSignature }
  | { readonly ok: false; readonly reason: HttpSignatureFlaw }

/** Reads the signature under a label, or the only one there is; nothing is verified yet. */
export function readHttpSignature(request: HttpRequest, label?: string): HttpSignatureResult {
  const inputField = fieldValue(request, 'signature-input') ?? ''
  const signatureField = fieldValue(request, 'signature') ?? ''
  if (inputField === '' || signatureField === '') return refused('no_signature')
  const inputs = dictionaryIn(inputField)
  const signatures = dictionaryIn(signatureField)
  if (inputs === 'duplicate' || signatures === 'duplicate') return refused('duplicate_label')
  if (inputs === undefined || signatures === undefined) return refused('malformed_signature')
  const [first, ...others] = inputs.keys()
  const chosen = label ?? first
  if (label === undefined && others.length > 0) return refused('ambiguous_label')
  const input = inputs.get(chosen ?? '')
  const [signature] = signatures.get(chosen ?? '') ?? []
  if (chosen === undefined || input === undefined || signature === undefined) {
    return refused('no_signature')
  }
  if (!Array.isArray(input[0]) || !(signature instanceof ArrayBuffer)) {
    return refused('malformed_signature')
  }
  return readInput(request, chosen, input as InnerList, Buffer.from(signature))
}

function readInput(
  request: HttpRequest,
  label: string,
  input: InnerList,
  signature: Buffer,
): HttpSignatureResult {
  const [items, params] = input
  const parameters = parametersIn(params)
  if (parameters === undefined) return refused('unknown_parameter')
  const components: Component[] = []
  for (const [name, of] of items) {
    const [param] = of.values()
    const isParam = of.size === 1 && of.has('name') && typeof param === 'string'
    if (typeof name !== 'string' || name !== name.toLowerCase() || (of.size > 0 && !isParam)) {
      return refused('malformed_signature')
    }
    components.push({ name, ...(typeof param === 'string' && { param }) })
  }
  const ids = components.map(identifierOf)
  if (new Set(ids).size < ids.length) return refused('duplicate_component')
  const base = signatureBase(request, components, serializeInnerList(input))
  if (base === undefined) return refused('component_not_there')
  return { ok: true, signature: { ...parameters, label, components, signature, base } }
}

/** RFC 9421 §2.5; `undefined` where the request lacks a component. */
export function signatureBase(
  request: HttpRequest,
  components: readonly Component[],
  signatureParams: string,
): Buffer | undefined {
  const lines: string[] = []
  for (const component of components) {
    const value = valueOf(request, component)
    if (value === undefined) return undefined
    lines.push(`${identifierOf(component)}: ${value}`)
  }
  return Buffer.from([...lines, `"@signature-params": ${signatureParams}`].join('\n'))
}

export const identifierOf = ({ name, param }: Component): string =>
  param === undefined ? `"${name}"` : `"${name}";name="${param}"`

const kinds = {
  created: 'number',
  expires: 'number',
  keyid: 'string',
  nonce: 'string',
  alg: 'string',
  tag: 'string',
} as const

/** The parameters of RFC 9421 §2.3, each of its type; others are not understood and so not taken. */
function parametersIn(params: ReadonlyMap<string, BareItem>): SignatureParameters | undefined {
  for (const [name, value] of params) {
    if (!Object.hasOwn(kinds, name)) return undefined
    const kind = kinds[name as keyof typeof kinds]
    if (typeof value !== kind || (kind === 'number' && !Number.isSafeInteger(value)))
      return undefined
  }
  return Object.fromEntries(params) as SignatureParameters
}

/** Labels that stand twice are told: a structured field would quietly keep the last (RFC 9651 §3.2). */
function dictionaryIn(untrusted: string) {
  if (untrusted.length > 16_384) return undefined
  try {
    const parsed = parseDictionary(untrusted)
    const bare = untrusted.replaceAll(/"(?:[^"\\]|\\.)*"|:[^:]*:|\([^)]*\)/g, '')
    const members = bare.split(',').length
    return members === parsed.size ? parsed : 'duplicate'
  } catch {
    return undefined
  }
}

const refused = (reason: HttpSignatureFlaw) => ({ ok: false, reason }) as const
