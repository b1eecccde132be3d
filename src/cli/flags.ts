// An operation's arguments as flags: `ttl_seconds` is `--ttl-seconds`, a list is a repeated flag, and what
// is nested comes as JSON with --input. A secret is never the value of a flag, since other processes can
// read those: it comes from a file.

import { InvalidArgumentError, Option } from 'commander'
import * as z from 'zod'
import { inputSchemaOf } from '../operations/arguments.ts'
import type { Operation } from '../operations/operation.ts'

export interface Flag {
  /** The argument it gives. */
  readonly argument: string
  /** The name under which commander keeps it. */
  readonly attribute: string
  readonly option: Option
  /** The value names a file that holds the argument. */
  readonly fromFile: boolean
}

interface Property {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly items?: Property
  readonly anyOf?: readonly Property[]
}

const secretArguments = new Set(['token', 'handoff'])

/** All arguments that can be flags, in the order of the schema. */
export function flagsOf(operation: Operation): readonly Flag[] {
  const schema = z.toJSONSchema(inputSchemaOf(operation), { io: 'input', unrepresentable: 'any' })
  const required = new Set(schema.required)
  return Object.entries(schema.properties ?? {}).flatMap(([argument, property]) => {
    const flag = flagOf(argument, property as Property)
    if (flag !== undefined && required.has(argument)) flag.option.description += ' (required)'
    return flag ?? []
  })
}

/** Arguments that only --input can give. */
export const nestedArguments = (operation: Operation): readonly string[] => {
  const flags = new Set(flagsOf(operation).map(({ argument }) => argument))
  return Object.keys(inputSchemaOf(operation).shape).filter((name) => !flags.has(name))
}

function flagOf(argument: string, property: Property): Flag | undefined {
  const flag = `--${argument.replaceAll('_', '-')}`
  const description = property.description ?? choicesOf(property)
  const made = (option: Option, fromFile = false): Flag => ({
    argument,
    attribute: option.attributeName(),
    option,
    fromFile,
  })
  if (secretArguments.has(argument)) {
    return made(new Option(`${flag}-file <path>`, `File that holds it, or - for stdin.`), true)
  }
  switch (kindOf(property)) {
    case 'text':
      return made(new Option(`${flag} <${wordFor(property)}>`, description))
    case 'number':
      return made(new Option(`${flag} <number>`, description).argParser(wholeNumber))
    case 'number or text':
      return made(new Option(`${flag} <value>`, description).argParser(numberOrText))
    case 'boolean':
      return made(new Option(`${flag} [boolean]`, description).argParser(truth))
    case 'list':
      return made(new Option(`${flag} <item>`, `${description} (repeat)`.trim()).argParser(gather))
    case 'nested':
      return undefined
  }
}

function kindOf(property: Property) {
  const { type, items, anyOf } = property
  if (type === 'string' || property.enum !== undefined) return 'text'
  if (type === 'integer' || type === 'number') return 'number'
  if (type === 'boolean') return 'boolean'
  if (type === 'array' && (items?.type === 'string' || items?.enum !== undefined)) return 'list'
  if (anyOf?.[0]?.type === 'string') return 'text'
  const isSimple = anyOf?.every((each) => each.type !== 'object' && each.type !== 'array') === true
  return isSimple ? 'number or text' : 'nested'
}

const wordFor = (property: Property): string =>
  property.enum === undefined ? 'text' : property.enum.map(String).join('|')

const choicesOf = ({ items }: Property): string =>
  items?.enum === undefined ? '' : items.enum.map(String).join(', ')

export function wholeNumber(value: string): number {
  if (/^-?\d{1,15}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number.')
}

const numberOrText = (value: string): number | string =>
  /^\d{1,15}$/.test(value) ? Number(value) : value

function truth(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new InvalidArgumentError('It must be true or false.')
}

export const gather = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
]
