// What scopes mean, the slow way: every permission that a scope allows is written out, from the words of the
// grammar, in a world so small that this can be done. Patterns are never compared with patterns, and
// nothing of src/core/scope.ts comes in here, so that the two can be wrong only apart.
//
// A world is large enough to tell apart whatever two single scopes can mean apart if it has two letters, one
// operation that no scope names, and paths as long as the longest pattern with its `**` counted as a
// segment: then `*` is no literal, `*` as operation is no list, and a rest is never empty for lack of room.
// The empty path is in it, since `**` is the rest "including none".

export interface SmallWorld {
  readonly letters: readonly string[]
  readonly longestPath: number
  /** The operations of each type, also those that no scope names. */
  readonly types: Readonly<Record<string, readonly string[]>>
}

export type Permissions = ReadonlySet<string>

/** All that one scope allows; `known` leaves only some operations to `*`. */
export type Meaning = (scope: string, known?: (operation: string) => boolean) => Permissions

export function meaningIn(world: SmallWorld): Meaning {
  const written = new Map<string, Permissions>()
  return (scope, known) => {
    const key = known === undefined ? scope : `${scope} ${knownIn(world, scope, known).join()}`
    const found = written.get(key) ?? new Set(writeOut(world, scope, known))
    written.set(key, found)
    return found
  }
}

function* writeOut(world: SmallWorld, scope: string, known?: (operation: string) => boolean) {
  const [resource = '', operation = ''] = scope.split(':')
  const [type = '', ...segments] = resource.split('/')
  const operations = operation === '*' ? knownIn(world, scope, known) : [operation]
  for (const path of pathsOf(world, segments.length === 0 ? ['**'] : segments, '', 0)) {
    for (const each of operations) yield `${type}${path}:${each}`
  }
}

function* pathsOf(
  world: SmallWorld,
  segments: readonly string[],
  before: string,
  length: number,
): Generator<string> {
  const [segment, ...rest] = segments
  if (segment === undefined) {
    yield before
    return
  }
  if (segment === '**') yield before
  if (length === world.longestPath) return
  const next = segment === '*' || segment === '**' ? world.letters : [segment]
  for (const letter of next) {
    const following = segment === '**' ? segments : rest
    yield* pathsOf(world, following, `${before}/${letter}`, length + 1)
  }
}

const knownIn = (
  { types }: SmallWorld,
  scope: string,
  known: (operation: string) => boolean = () => true,
): readonly string[] => (types[scope.split(/[/:]/)[0] ?? ''] ?? []).filter(known)

/** Every permission there is. */
export const everything = (world: SmallWorld): readonly string[] =>
  Object.keys(world.types).flatMap((type) => [...meaningIn(world)(`${type}:*`)])

export const isSubset = (part: Permissions, whole: Permissions): boolean =>
  [...part].every((each) => whole.has(each))

export const inBoth = (a: Permissions, b: Permissions): Permissions =>
  new Set([...a].filter((each) => b.has(each)))

export const inAny = (sets: readonly Permissions[]): Permissions =>
  new Set(sets.flatMap((set) => [...set]))

/** Every pattern of a path that can be written with these words, up to a number of segments. */
export function everyPath(words: readonly string[], longest: number): string[] {
  const rows = [['']]
  for (let i = 0; i < longest; i++) {
    rows.push((rows[i] ?? []).flatMap((path) => words.map((word) => `${path}/${word}`)))
  }
  const open = rows.slice(0, -1).flatMap((row) => row.map((path) => `${path}/**`))
  return [...rows.flat(), ...open]
}
