// Two HTTP servers that answer without thinking: `bare` sends back the body it got, on node:http alone; `mcp`
// is the SDK's Streamable HTTP on its low-level Server without sessions, as its documentation shows it, with
// the result that it is started with. Prints its port.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js'

const [, , kind, file] = process.argv
const result = file === undefined ? {} : JSON.parse(readFileSync(file, 'utf8'))

const handlers = {
  bare(incoming, outgoing) {
    const chunks = []
    incoming.on('data', (chunk) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      outgoing.writeHead(200, {
        'content-type': 'application/json',
        'content-length': body.length,
      })
      outgoing.end(body)
    })
  },
  async mcp(incoming, outgoing) {
    const server = new Server({ name: 'echo', version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler(CallToolRequestSchema, () => result)
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    outgoing.on('close', () => void transport.close().then(() => server.close()))
    await server.connect(transport)
    await transport.handleRequest(incoming, outgoing)
  },
}

const server = createServer(handlers[kind])
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.stdin.resume().once('end', () => process.exit())
