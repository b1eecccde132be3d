// Cuts a byte stream into lines before anything parses it. A line may have `MAX_LINE_BYTES`; of a longer
// one no more than that is ever held, the rest is dropped as it arrives and the stream goes on after it.
export const MAX_LINE_BYTES = 1024 * 1024

/** Stands in the place of a line that was too long. */
export const tooLong = Symbol('a line over MAX_LINE_BYTES')

export interface LineCutter {
  /** The lines this chunk completes, without their newline; a view holds until the next one is taken. */
  cut(chunk: Buffer): Generator<Buffer | typeof tooLong>
  /** Whether a line has begun and not ended. */
  unfinished(): boolean
}

export function createLineCutter(): LineCutter {
  let held = Buffer.allocUnsafe(FIRST_HELD_BYTES)
  let heldBytes = 0
  let dropping = false

  /** Keeps what may be the beginning of a line; false where the line has become too long. */
  const hold = (part: Buffer): boolean => {
    const bytes = heldBytes + part.length
    if (bytes > MAX_LINE_BYTES) return false
    if (bytes > held.length) {
      const grown = Buffer.allocUnsafe(Math.min(MAX_LINE_BYTES, Math.max(bytes, held.length * 2)))
      held.copy(grown, 0, 0, heldBytes)
      held = grown
    }
    part.copy(held, heldBytes)
    heldBytes = bytes
    return true
  }

  const drop = () => {
    held = Buffer.allocUnsafe(FIRST_HELD_BYTES)
    heldBytes = 0
    dropping = true
  }

  return {
    *cut(chunk) {
      let start = 0
      for (;;) {
        const newline = chunk.indexOf(NEWLINE, start)
        const part = chunk.subarray(start, newline === -1 ? chunk.length : newline)
        if (!dropping) {
          const whole = newline !== -1 && heldBytes === 0 && part.length <= MAX_LINE_BYTES
          if (whole) yield part
          else if (!hold(part)) {
            drop()
            yield tooLong
          } else if (newline !== -1) {
            yield held.subarray(0, heldBytes)
            heldBytes = 0
          }
        }
        if (newline === -1) return
        dropping = false
        start = newline + 1
      }
    },
    unfinished: () => heldBytes > 0,
  }
}

const NEWLINE = 0x0a
const FIRST_HELD_BYTES = 16 * 1024
