// The smallest MCP server that answers as Remit does: the SDK's low-level Server on its own stdio transport,
// with the same tools and the same result, read from the file that it is started with.
import { readFileSync } from 'node:fs'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

const { tools, result } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

const server = new Server({ name: 'echo', version: '1' }, { capabilities: { tools: {} } })
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
server.setRequestHandler(CallToolRequestSchema, () => result)
await server.connect(new StdioServerTransport())
process.stdin.once('end', () => process.exit())
