// Two things measured in turn, round by round in one run, so that whatever slows this machine slows both.
// What is reported are medians and their ratio; an aim that is missed is said, and ends nothing.

/** Does its work once and says how many there were in a second. */
export type Round = () => number | Promise<number>

export interface Pair {
  readonly name: string
  readonly unit: string
  readonly ours: Round
  readonly other: { readonly name: string; readonly round: Round }
  /** What ours over the other should be at least. */
  readonly aim: number
  readonly rounds?: number
}

export async function comparePair({ name, unit, ours, other, aim, rounds = 9 }: Pair) {
  await ours()
  await other.round()
  const measured: { readonly ours: number; readonly other: number }[] = []
  for (let round = 0; round < rounds; round++) {
    // Who goes first alternates: the second may find what the first left in the caches.
    const isFirst = round % 2 === 0
    const before = isFirst ? await ours() : 0
    const others = await other.round()
    measured.push({ ours: isFirst ? before : await ours(), other: others })
  }
  const median = {
    ours: medianOf(measured.map((m) => m.ours)),
    other: medianOf(measured.map((m) => m.other)),
  }
  const ratio = median.ours / median.other
  say(`${name}: ${shown(median.ours)} ${unit}`)
  say(`  ${other.name}: ${shown(median.other)} ${unit}`)
  sayAim(`ratio ${ratio.toFixed(2)}, aim ${aim}`, ratio >= aim)
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** How many in a second, if `count` of them were done by `work`. */
export async function perSecond(count: number, work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return (count * 1000) / (performance.now() - started)
}

/** The same without giving up the turn. */
export function perSecondAtOnce(count: number, work: (index: number) => void): number {
  const started = performance.now()
  for (let i = 0; i < count; i++) work(i)
  return (count * 1000) / (performance.now() - started)
}

/** The value below which this share of the others is. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
}

export const sayAim = (what: string, isReached: boolean): void => {
  say(`  ${what}: ${isReached ? 'reached' : 'NOT REACHED'}`)
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`)

const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
