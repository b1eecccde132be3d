// Which of the numbered migrations a running store has had.

import { number } from './row.ts'
import type { Read } from './store.ts'

export const schemaNumber: Read<number> = {
  sql: `select coalesce(max(number), 0) as number from remit_migrations`,
  values: [],
  map: (row) => number(row, 'number'),
}
