// Arguments that are no object are refused by the operation they were meant for, like any others that are
// not as they must be: unechoed, and in the audit.
import { expect, test } from 'vitest'
import { newSecret } from '../../src/crypto/secret.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import { authorityIn, eventsOf, findingsOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'

const plain = { meta: undefined }

test.each([[null], [[]], [[{ agent: 'local' }]], ['local'], [7], [false]])('%j', async (args) => {
  const w = await world()
  const surface = operationSurface(w.context, w.admin.presented)
  await surface.callTool('list_permissions', {}, plain)
  const before = authorityIn(w)
  for (const name of ['whoami', 'get_agent', 'rotate_signing_key']) {
    expect(await surface.callTool(name, args, plain)).toMatchObject({
      isError: true,
      structuredContent: {
        error: {
          code: 'invalid_request',
          message: `The arguments of ${name} are not as they must be.`,
          failures: [{ code: 'invalid_request', dimension: 'arguments', asked: 'must be object' }],
        },
      },
    })
    expect((await eventsOf(w, name)).map(({ code }) => code)).toEqual(['invalid_request'])
  }
  expect(authorityIn(w)).toEqual(before)
})

test.each([
  ['a text', (secret: string) => secret],
  ['a list', (secret: string) => [{ deep: secret }]],
])('a secret as %s raises its finding all the same', async (_, argsWith) => {
  const w = await world()
  const secret = newSecret('api_key').reveal()
  const surface = operationSurface(w.context, w.admin.presented)
  const result = await surface.callTool('whoami', argsWith(secret), plain)
  expect(result).toMatchObject({
    isError: true,
    structuredContent: {
      error: { message: 'An argument holds a secret or a token where none belongs.' },
    },
  })
  expect(JSON.stringify(result)).not.toContain(secret)
  expect(await findingsOf(w)).toEqual(['secret_in_argument'])
})
