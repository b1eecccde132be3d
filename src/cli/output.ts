// The command line's two ways out: data on stdout, everything else on stderr. Colour only where a person
// looks and did not ask for none (NO_COLOR).

export interface Output {
  /** Data, for whoever called. */
  readonly data: (text: string) => void
  /** Everything that is not data. */
  readonly say: (text: string) => void
  readonly strong: (text: string) => string
}

export function createOutput(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): Output {
  // A reader that has seen enough (`remit … | head`) is no failure of ours.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  const hasColour = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' && stderr.isTTY
  return {
    data: (text) => void stdout.write(`${text}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    strong: (text) => (hasColour ? `\u001B[1m${text}\u001B[22m` : text),
  }
}
