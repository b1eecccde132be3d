// A small MCP server of somebody else: it keeps notes, and lets in whoever a Remit lets in. It is made of public
// packages only, registers itself at its first start, and asks Remit nothing for a request.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createVerifier, protectTools } from 'remit-mcp/verify'
import * as z from 'zod'

const { NOTES_REMIT_URL: url, NOTES_ISSUER: issuer, NOTES_INVITATION: invitationFile } = process.env
const stateFile = 'notes-server.json'
const tools = ['add', 'list', 'clear']
const notes = []

const { server_id: serverId } = existsSync(stateFile)
  ? JSON.parse(readFileSync(stateFile, 'utf8'))
  : await register()

const remit = createVerifier({ issuer, audience: `${issuer}:${serverId}`, url, refreshSeconds: 1 })

const http = createServer(async (request, response) => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  protectTools(server, remit, { server: 'notes' })
  addTools(server)
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => void transport.close())
  await server.connect(transport)
  await transport.handleRequest(request, response)
})
http.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${http.address().port}/mcp`)
})

function addTools(server) {
  const said = (text) => ({ content: [{ type: 'text', text }] })
  server.registerTool('add', { inputSchema: { note: z.string() } }, ({ note }, { authInfo }) => {
    notes.push({ note, by: authInfo.extra.remit.agent_id })
    return said('noted')
  })
  server.registerTool('list', {}, () => said(JSON.stringify(notes)))
  server.registerTool('clear', {}, () => {
    notes.length = 0
    return said('cleared')
  })
}

/** The invitation is good once; from then on the key in the state file proves who this is. */
async function register() {
  const { credential_id, secret } = JSON.parse(readFileSync(invitationFile, 'utf8'))
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const header = { alg: 'EdDSA', typ: 'remit-registration+jwt' }
  const claims = { iss: 'notes', sub: credential_id, aud: issuer, iat, jti: randomUUID() }
  const input = `${encode(header)}.${encode(claims)}`
  const proof = `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
  const { kty, crv, x } = publicKey.export({ format: 'jwk' })
  const answer = await fetch(`${url}/operations/register_mcp_server`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'notes',
      version: '1.0.0',
      public_jwk: { kty, crv, x },
      tools: tools.map((name) => ({ name })),
      resource_types: [],
      _meta: { 'dev.remit/registration': secret, 'dev.remit/proof': proof },
    }),
  })
  const registered = await answer.json()
  if (!answer.ok) throw new Error(`Remit refused to register this server: ${registered.error.code}`)
  const state = {
    server_id: registered.server_id,
    private_jwk: privateKey.export({ format: 'jwk' }),
  }
  writeFileSync(stateFile, JSON.stringify(state), { mode: 0o600 })
  return state
}
