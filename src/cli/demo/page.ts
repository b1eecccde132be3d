// What the demo prints: short headed steps on stdout, coloured where a person looks and did not ask for
// none. Ids are shortened for reading. Nothing that looks like a secret is printed: that ends the demo.

import { holdsSecret, promised } from './promise.ts'

export type Page = ReturnType<typeof createPage>

type Colour = keyof typeof codes

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
const wholeId = /\b([a-z]{3})_[0-9a-z]{22}([0-9a-z]{4})\b/g

export function createPage(
  stdout: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
) {
  const hasColour = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' && stdout.isTTY
  const paint = (colour: Colour, text: string) =>
    hasColour ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text
  const print = (text = '') => {
    promised(!holdsSecret(text), 'no secret is printed')
    stdout.write(`${text}\n`)
  }
  let steps = 0
  return {
    print,
    paint,
    title: (text: string) => print(paint('bold', text)),
    step: (heading: string) => print(`\n${paint('bold', paint('cyan', `${++steps}. ${heading}`))}`),
    say: (text: string) => folded(text, '   ').forEach((line) => print(line)),
    yes: (text: string) => print(`   ${paint('green', '✓')} ${shortened(text)}`),
    no: (text: string, ...why: readonly string[]) => {
      print(`   ${paint('red', '✗')} ${shortened(text)}`)
      for (const line of why.flatMap((each) => folded(each, '     ', '         '))) {
        print(paint('dim', line))
      }
    },
    /** A drawing of delegation_tree, as the server made it but for the ids. */
    tree: (drawing: string) => {
      print()
      for (const line of drawing.split('\n')) print(`   ${coloured(line)}`)
      print()
    },
  }

  function coloured(line: string): string {
    return line
      .replace(/ {2}grt_\w+$/, '')
      .replace(/\[live\]/, (state) => paint('green', state))
      .replace(/\[dead: \w+\]/, (state) => paint('red', state))
  }
}

/** Lines that fit a terminal of 80 columns; `hanging` further in from the second on. */
function folded(text: string, indent: string, hanging = ''): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of shortened(text).split(/ (?! )/)) {
    if (line.trim() !== '' && line.length + 1 + word.length > 80) {
      lines.push(line)
      line = indent + hanging
    }
    line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

/** Enough of each id to tell them apart. */
const shortened = (text: string): string => text.replaceAll(wholeId, '$1_…$2')
