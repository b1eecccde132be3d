// Ids that look like any other but come in the order of a counter, so that tests can compare orders.

import type { IdPrefix } from '../../src/core/id.ts'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

export function countedIds(after = 0): (prefix: IdPrefix) => string {
  let made = after
  return (prefix) => {
    made += 1
    let text = ''
    for (let rest = made; rest > 0; rest = Math.floor(rest / 32)) {
      text = (alphabet[rest % 32] ?? '') + text
    }
    return `${prefix}_${text.padStart(26, '0')}`
  }
}
