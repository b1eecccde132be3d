// Distinguished names as text (RFC 4514 §2), so that a subject can be stated and compared exactly.

import type { Name } from '@peculiar/asn1-x509'

/** The most specific part first; two names with one text are one name here. */
export const nameText = (name: Name): string =>
  [...name]
    .toReversed()
    .map((part) =>
      [...part]
        .map(({ type, value }) => `${short[type] ?? type}=${escaped(value.toString())}`)
        .toSorted()
        .join('+'),
    )
    .join(',')

/** RFC 4514 §3, and e-mail as everyone writes it. */
const short: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}

/** RFC 4514 §2.4: what could end a value, or look like the end of one. */
const escaped = (value: string): string =>
  value
    .replaceAll(/[\\"+,;<>]/g, String.raw`\$&`)
    .replaceAll('\0', String.raw`\00`)
    .replace(/^[ #]/, String.raw`\$&`)
    .replace(/(?<!\\) $/, String.raw`\ `)
