// The settings of `remit serve`, by their variables.

import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import type * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import { choice, count, list, port, text } from './shapes.ts'

export interface HttpConfig {
  readonly host: string
  readonly port: number
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly trustedProxies: readonly string[]
  readonly perSource: number
  readonly perCaller: number
  readonly mostBodyBytes: number
  readonly metrics: 'loopback' | 'all'
  readonly tls?: {
    readonly certFile: string
    readonly keyFile: string
    readonly clientCertificates: boolean
  }
}

const isHostName = (value: string): boolean =>
  /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(value)
const isOrigin = (value: string): boolean =>
  URL.canParse(value) && new URL(value).origin === value && value !== 'null'

function isRange(value: string): boolean {
  const [address = '', prefix = '0', more] = value.split('/')
  const most = isIP(address) === 6 ? 128 : 32
  return isIP(address) !== 0 && more === undefined && /^\d{1,3}$/.test(prefix) && +prefix <= most
}

/** In the order of the README's table. */
export const httpShape = {
  REMIT_HTTP_HOST: text.default('127.0.0.1').meta({
    description:
      'Address that `remit serve` listens on. Other than the loopback it needs TLS, or a trusted proxy that ends it.',
    fallback: '`127.0.0.1`',
  }),
  REMIT_HTTP_PORT: port.default(8420).meta({
    description: 'Port that `remit serve` listens on; 0 takes any free one.',
    fallback: '8420',
  }),
  REMIT_TLS_CERT_FILE: text.optional().meta({
    description: 'Certificate and chain of `remit serve`, in PEM; read again at SIGHUP.',
  }),
  REMIT_TLS_KEY_FILE: text.optional().meta({
    description: 'Its private key, in PEM; yours alone, not readable by others.',
  }),
  REMIT_TLS_CLIENT_CERTIFICATES: choice('ignored', 'requested').default('ignored').meta({
    description: '`requested` asks clients for a certificate.',
    fallback: '`ignored`',
  }),
  REMIT_CRL_FILES: list((path) => path !== '', 'paths')
    .optional()
    .meta({
      description:
        'Files with lists of revoked certificates (PEM or DER), read again when they change.',
      fallback: '`ca/crl.pem` in the home, where `remit ca` keeps its own',
    }),
  REMIT_HTTP_ALLOWED_HOSTS: list(isHostName, 'host names without port').default([]).meta({
    description:
      'Host names by which it may be addressed, besides the loopback’s and its issuer’s.',
    fallback: 'none',
  }),
  REMIT_HTTP_ALLOWED_ORIGINS: list(isOrigin, 'origins such as https://app.example')
    .default([])
    .meta({
      description:
        'Origins that are not refused, besides the loopback’s and its issuer’s. It answers no CORS preflight: that is for a proxy in front of it.',
      fallback: 'none',
    }),
  REMIT_HTTP_TRUSTED_PROXIES: list(isRange, 'IP addresses or CIDR ranges').default([]).meta({
    description:
      'Proxies that end TLS in front of it: plain HTTP is taken from them alone, and `X-Forwarded-For` names the source.',
    fallback: 'none',
  }),
  REMIT_HTTP_PER_SOURCE: count(1_000_000).default(500).meta({
    description: 'Requests per second from one address.',
    fallback: '500',
  }),
  REMIT_HTTP_PER_CALLER: count(1_000_000).default(200).meta({
    description: 'Requests per second with one credential.',
    fallback: '200',
  }),
  REMIT_HTTP_MAX_BODY: count(16_777_216).default(1_048_576).meta({
    description: 'Bytes that the body of a request may have.',
    fallback: '1048576',
  }),
  REMIT_HTTP_METRICS: choice('loopback', 'all').default('loopback').meta({
    description: 'Who may read `/metrics`: this machine by a name of its own, or everyone.',
    fallback: '`loopback`',
  }),
}

type Values = z.output<z.ZodObject<typeof httpShape>>

export const httpConfigOf = (values: Values): HttpConfig => ({
  host: values.REMIT_HTTP_HOST,
  port: values.REMIT_HTTP_PORT,
  allowedHosts: values.REMIT_HTTP_ALLOWED_HOSTS,
  allowedOrigins: values.REMIT_HTTP_ALLOWED_ORIGINS,
  trustedProxies: values.REMIT_HTTP_TRUSTED_PROXIES,
  perSource: values.REMIT_HTTP_PER_SOURCE,
  perCaller: values.REMIT_HTTP_PER_CALLER,
  mostBodyBytes: values.REMIT_HTTP_MAX_BODY,
  metrics: values.REMIT_HTTP_METRICS,
  ...tlsOf(values),
})

/** Where the embedded authority publishes, if nothing else is named. */
export const crlFilesOf = ({ REMIT_CRL_FILES: files }: Values, home: string): readonly string[] =>
  (files ?? [join(home, 'ca', 'crl.pem')]).map((path) => resolve(path))

/** Refuses one file without the other. */
function tlsOf(values: Values): Pick<HttpConfig, 'tls'> {
  const { REMIT_TLS_CERT_FILE: certFile, REMIT_TLS_KEY_FILE: keyFile } = values
  const clientCertificates = values.REMIT_TLS_CLIENT_CERTIFICATES === 'requested'
  if (certFile !== undefined && keyFile !== undefined) {
    return { tls: { certFile: resolve(certFile), keyFile: resolve(keyFile), clientCertificates } }
  }
  if (certFile === undefined && keyFile === undefined && !clientCertificates) return {}
  throw new Refusal('invalid_request', {
    message: 'TLS takes both REMIT_TLS_CERT_FILE and REMIT_TLS_KEY_FILE.',
  })
}
