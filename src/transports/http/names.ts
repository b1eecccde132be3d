// By which names this server may be addressed, and from which pages: those of the loopback where it listens
// there, its issuer's, and what its operator allows. Against rebinding of names, and pages of strangers.

import { BlockList, isIP } from 'node:net'
import type { HttpSettings } from './door.ts'

const loopback = ['localhost', '127.0.0.1', '[::1]']

/** Addresses and names that reach this very machine alone. */
export const isLoopback = (address: string): boolean =>
  loopback.includes(address) ||
  address === '::1' ||
  /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(address)

type Named = Pick<HttpSettings, 'host' | 'allowedHosts' | 'allowedOrigins'>

/** Host names without port; one that listens on the loopback answers to its names. */
export const allowedHosts = ({ host, allowedHosts }: Named, issuerUrl?: string): Set<string> =>
  new Set([
    ...(isLoopback(host) ? loopback : []),
    ...(issuerUrl === undefined ? [] : [new URL(issuerUrl).hostname]),
    ...allowedHosts.map((name) => name.toLowerCase()),
  ])

/** Whether a page of an origin may call: `null` and everything unclear may not. */
export function allowedOrigins(
  { host, allowedOrigins }: Named,
  issuerUrl?: string,
): (origin: string) => boolean {
  const exact = new Set(allowedOrigins)
  if (issuerUrl !== undefined) exact.add(new URL(issuerUrl).origin)
  const here = isLoopback(host)
  return (origin) => {
    if (exact.has(origin)) return true
    const name = /^https?:\/\/([^/?#@]+)$/.exec(origin)?.[1]
    return here && loopback.includes(hostNameIn(name) ?? '')
  }
}

/** The name in a Host header (RFC 9110 §7.2), in lower case; `undefined` where it is none. */
export function hostNameIn(header: string | undefined): string | undefined {
  const [, name] = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.exec(header ?? '') ?? []
  return name?.toLowerCase()
}

/** Addresses and CIDR ranges. */
export function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}
