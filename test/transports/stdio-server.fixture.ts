// A process that serves the fake surface over its own stdin and stdout; `slow` calls finish when input ends.
// Its last word on stderr is how much memory it ever had, in kilobytes.
import { serveStdio } from '../../src/transports/stdio/serve.ts'
import { createFakeSurface } from './fake-surface.ts'

const surface = createFakeSurface()
process.stdin.once('end', surface.release)
await serveStdio({
  surface,
  stdin: process.stdin,
  stdout: process.stdout,
  log: {
    error: (detail, message) => process.stderr.write(`${message} ${JSON.stringify(detail)}\n`),
  },
})
process.stderr.write(`${process.resourceUsage().maxRSS}\n`)
