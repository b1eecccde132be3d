// Registering a server is another relation than acting as an agent: neither's credential serves the other.
import { expect, test } from 'vitest'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { world } from '../support/world.ts'

const server = {
  name: 'another',
  version: '1',
  public_jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  tools: [],
  resource_types: [],
}

test('what proves an agent, even the administrator, registers no server', async () => {
  const w = await world()
  const refusal = {
    code: 'wrong_credential_class',
    message: "An agent's authority is not accepted here.",
    remedy: {
      text: 'The server itself presents its registration credential and a proof by its key.',
    },
    decision_id: expect.stringMatching(/^evt_/),
  }
  expect((await w.refusal(registerMcpServer, server)).toError()).toEqual(refusal)
  const { delivery } = await w.result(mintToken, {
    scopes: ['servers:register'],
    delivery: 'inline',
  })
  const meta = { 'dev.remit/token': delivery?.token ?? '' }
  const byToken = await w.refusal(registerMcpServer, server, w.admin, { meta })
  expect(byToken.toError()).toEqual(refusal)
  expect([...w.context.live.servers.values()].map(({ name }) => name)).toEqual(['remit'])
})
