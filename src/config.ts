// Every setting, read from the environment once and strictly: what is there but empty, malformed or not
// supported ends the start. Defaults are the safe choice. The README's table is printed from here.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import * as z from 'zod'
import { Refusal } from './core/refusal.ts'
import type { ScopeSet } from './core/scope.ts'
import {
  choice,
  count,
  databaseUrl,
  delivery,
  holdsPassword,
  isDatabaseUrl,
  issuer,
  levels,
  scopes,
  text,
} from './config/shapes.ts'
import { crlFilesOf, httpConfigOf, httpShape } from './config/http.ts'
import type { HttpConfig } from './config/http.ts'
import type { kinds } from './config/shapes.ts'

export type Environment = Record<string, string | undefined>

export interface Config {
  readonly home: string
  /** A closure, so that a printed configuration does not hold the key. */
  readonly masterKey?: () => string
  readonly masterKeyFile?: string
  /** A closure too: a URL may hold a password. */
  readonly databaseUrl?: () => string
  readonly databaseUrlFile?: string
  readonly revocation: 'live' | 'strict'
  readonly issuer?: string
  readonly tokenMax: number
  readonly grantMax: number
  readonly scopes?: ScopeSet
  readonly actAs: 'optional' | 'required'
  readonly delivery: readonly (typeof kinds)[number][]
  readonly auditChecks: 'batched' | 'sync'
  readonly maxChildren: number
  readonly maxGrantsPerRoot: number
  /** The file outside the database that checkpoints are kept in. */
  readonly checkpoints: string
  readonly http: HttpConfig
  readonly crlFiles: readonly string[]
  readonly logLevel: (typeof levels)[number]
  readonly version: string
  /** To be said on stderr at the start. */
  readonly warnings: readonly string[]
}

/** In the order of the README's table; `fallback` is what the table shows as the default. */
const schema = z.object({
  REMIT_HOME: text.optional().meta({
    description:
      'Folder of the store and its secrets (0700). A relative path is taken from the working directory.',
    fallback: 'the XDG data directory, `remit/`',
  }),
  REMIT_MASTER_KEY: text.optional().meta({
    description: 'Master key: base64 of 32 bytes. Prefer the file.',
    fallback: '`master.key` in the home',
  }),
  REMIT_MASTER_KEY_FILE: text.optional().meta({
    description: 'File that holds the master key; yours alone, not readable by others.',
  }),
  REMIT_DATABASE_URL: databaseUrl.optional().meta({
    description:
      'PostgreSQL 15 or later: `postgres://…`. Prefer the file where it holds a password.',
    fallback: '`remit.db` in the home',
  }),
  REMIT_DATABASE_URL_FILE: text.optional().meta({
    description: 'File that holds the URL; yours alone, not readable by others.',
  }),
  REMIT_REVOCATION: choice('live', 'strict').default('live').meta({
    description:
      '`strict` asks the database at every call instead of following its changes; for PostgreSQL.',
    fallback: '`live`',
  }),
  REMIT_ISSUER: issuer.optional().meta({
    description: 'Issuer of the tokens; fixed when the store is made.',
    fallback: '`urn:remit:<store id>`',
  }),
  REMIT_TOKEN_MAX: count(86_400).default(3600).meta({
    description: 'Longest life of a token, in seconds.',
    fallback: '3600',
  }),
  REMIT_GRANT_MAX: count(31_536_000).default(86_400).meta({
    description: 'Longest life of a grant, in seconds.',
    fallback: '86400',
  }),
  REMIT_SCOPES: scopes.optional().meta({
    description: 'Scopes, separated by spaces, that narrow every call by credential.',
    fallback: 'no narrowing',
  }),
  REMIT_ACT_AS: choice('optional', 'required').default('optional').meta({
    description:
      '`required` leaves a caller without `act_as` only `whoami`, `delegate_token` and the tree.',
    fallback: '`optional`',
  }),
  REMIT_DELIVERY: delivery.default(['handle', 'meta', 'file', 'handoff', 'sealed']).meta({
    description:
      'Ways in which tokens and secrets may be handed out: `handle`, `meta`, `file`, `handoff`, `sealed`, `inline`.',
    fallback: 'all but `inline`',
  }),
  REMIT_AUDIT_CHECKS: choice('batched', 'sync').default('batched').meta({
    description: '`sync` makes each allowed check durable before it is answered.',
    fallback: '`batched`',
  }),
  REMIT_CHECKPOINTS: text.optional().meta({
    description:
      'File that checkpoints of the audit are appended to, outside the database; best where this user cannot remove it.',
    fallback: '`checkpoints.jsonl` in the home',
  }),
  REMIT_MAX_CHILDREN: count(1_000_000).default(1000).meta({
    description: 'Live children of one grant.',
    fallback: '1000',
  }),
  REMIT_MAX_GRANTS_PER_ROOT: count(10_000_000).default(10_000).meta({
    description: 'Live grants below one root.',
    fallback: '10000',
  }),
  ...httpShape,
  REMIT_LOG_LEVEL: choice(...levels)
    .default('warn')
    .meta({
      description: `What is logged on stderr: ${levels.map((level) => `\`${level}\``).join(', ')}.`,
      fallback: '`warn`',
    }),
})

/** How a caller in the environment proves itself; authority/environment.ts reads these. */
export const credentialVariables = {
  REMIT_CREDENTIAL_FILE:
    'Credential of the environment: a file that `remit` wrote. A relative path is taken from REMIT_HOME.',
  REMIT_AGENT_ID: 'Agent id, with a secret, a private key or a client assertion.',
  REMIT_AGENT_SECRET: 'Secret of that agent. Prefer the file.',
  REMIT_AGENT_SECRET_FILE: 'File that holds the secret.',
  REMIT_API_KEY: 'API key. Prefer the file.',
  REMIT_API_KEY_FILE: 'File that holds the API key.',
  REMIT_CLIENT_ASSERTION: 'JWT signed by a key of that agent (RFC 7523). Prefer the file.',
  REMIT_CLIENT_ASSERTION_FILE: 'File that holds the assertion.',
  REMIT_PRIVATE_KEY_FILE: 'File with a private key of that agent (JWK or PEM); never sent.',
  REMIT_TOKEN: 'Access token. Prefer the file.',
  REMIT_TOKEN_FILE: 'File that holds the token.',
} as const

/**
 * Reads the settings and takes the master key out of the environment. Refuses a bad setting as
 * `invalid_request`, by the names of all that are bad and never by their values.
 */
export function readConfig(env: Environment): Config {
  const parsed = schema.safeParse(env)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`)
    throw new Refusal('invalid_request', { message: `${[...new Set(faults)].join('; ')}.` })
  }
  const values = parsed.data
  const { REMIT_MASTER_KEY: masterKey, REMIT_MASTER_KEY_FILE: masterKeyFile } = values
  if (masterKey !== undefined && masterKeyFile !== undefined) {
    throw new Refusal('invalid_request', {
      message: 'REMIT_MASTER_KEY and REMIT_MASTER_KEY_FILE are both set; keep one.',
    })
  }
  const { REMIT_DATABASE_URL: url, REMIT_DATABASE_URL_FILE: urlFile } = values
  if (url !== undefined && urlFile !== undefined) {
    throw new Refusal('invalid_request', {
      message: 'REMIT_DATABASE_URL and REMIT_DATABASE_URL_FILE are both set; keep one.',
    })
  }
  const warnings = warningsOf(env)
  // Children and crash reports must not inherit it.
  delete env['REMIT_MASTER_KEY']
  delete env['REMIT_DATABASE_URL']
  const home = resolve(values.REMIT_HOME ?? join(dataDirectory(env), 'remit'))
  return {
    home,
    ...(masterKey !== undefined && { masterKey: () => masterKey }),
    ...(masterKeyFile !== undefined && { masterKeyFile: resolve(masterKeyFile) }),
    ...(url !== undefined && { databaseUrl: () => url }),
    ...(urlFile !== undefined && { databaseUrlFile: resolve(urlFile) }),
    revocation: values.REMIT_REVOCATION,
    ...(values.REMIT_ISSUER !== undefined && { issuer: values.REMIT_ISSUER }),
    tokenMax: values.REMIT_TOKEN_MAX,
    grantMax: values.REMIT_GRANT_MAX,
    ...(values.REMIT_SCOPES !== undefined && { scopes: values.REMIT_SCOPES }),
    actAs: values.REMIT_ACT_AS,
    delivery: values.REMIT_DELIVERY,
    auditChecks: values.REMIT_AUDIT_CHECKS,
    crlFiles: crlFilesOf(values, home),
    maxChildren: values.REMIT_MAX_CHILDREN,
    maxGrantsPerRoot: values.REMIT_MAX_GRANTS_PER_ROOT,
    checkpoints: resolve(values.REMIT_CHECKPOINTS ?? join(home, 'checkpoints.jsonl')),
    http: httpConfigOf(values),
    logLevel: values.REMIT_LOG_LEVEL,
    version: ownVersion(),
    warnings,
  }
}

/** The README's table of all variables. */
export function configurationTable(): string {
  const settings = Object.entries(schema.shape).map(([name, field]) => {
    const { description, fallback } = (field as z.ZodType).meta() ?? {}
    return row(`\`${name}\``, String(fallback ?? ''), String(description))
  })
  const credentials = Object.entries(credentialVariables).map(([name, description]) =>
    row(`\`${name}\``, '', description),
  )
  return [row('variable', 'default', 'meaning'), '|---|---|---|', ...settings, ...credentials].join(
    '\n',
  )
}

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function warningsOf(env: Environment): string[] {
  const known = new Set([...Object.keys(schema.shape), ...Object.keys(credentialVariables)])
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('REMIT_') && !name.startsWith('REMIT_TEST_') && !known.has(name),
  )
  return [
    ...unknown
      .toSorted()
      .map((name) => `${name} is not a variable that Remit knows; it has no effect.`),
    ...(env['REMIT_MASTER_KEY'] === undefined ? [] : [secretByValue('REMIT_MASTER_KEY')]),
    ...(hasPassword(env['REMIT_DATABASE_URL']) ? [secretByValue('REMIT_DATABASE_URL')] : []),
  ]
}

const hasPassword = (url: string | undefined): boolean =>
  url !== undefined && isDatabaseUrl(url) && holdsPassword(url)

/** What is said wherever a secret stands in the environment itself (authority: rule 10). */
export const secretByValue = (name: string): string =>
  `${name} holds a secret by value, which other processes of this user can read; use ${name}_FILE.`

/** XDG Base Directory: a relative value is to be ignored. */
function dataDirectory(env: Environment): string {
  const named = env['XDG_DATA_HOME']
  return named !== undefined && isAbsolute(named) ? named : join(homedir(), '.local', 'share')
}

export function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url)
  return String((JSON.parse(readFileSync(file, 'utf8')) as { version: unknown }).version)
}
