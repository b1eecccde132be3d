// Identifiers: TypeIDs, a prefix that says what is named and a UUIDv7, so that rows sort by time.
// An id is a name, never a proof: nothing here may be used to authorise.

import { typeidUnboxed } from 'typeid-js'

export type IdPrefix =
  | 'org'
  | 'srv'
  | 'reg'
  | 'agt'
  | 'ins'
  | 'crd'
  | 'grt'
  | 'tok'
  | 'hof'
  | 'key'
  | 'anc'
  | 'evt'
  | 'chl'

const shape = /^[a-z]([a-z_]{0,61}[a-z])?_[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** A new, time-ordered id such as `agt_01jz…`. */
export const newId = (prefix: IdPrefix): string => typeidUnboxed(prefix)

/** Whether a text has the shape of any TypeID; names and labels never do. */
export const looksLikeId = (text: string): boolean => shape.test(text)

export const isId = (prefix: IdPrefix, text: string): boolean =>
  text.startsWith(`${prefix}_`) && text.length === prefix.length + 27 && shape.test(text)

/** The shape of ids with one prefix, for schemas that callers read. */
export const idPattern = (prefix: IdPrefix): RegExp =>
  new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`)
