// How a token that was minted reaches its holder: never in what a model reads, unless that is allowed.

import { readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mintToken } from '../../src/operations/mint-token.ts'
import { world } from '../support/world.ts'
import { ask, askForAll, contents, refuse, whoami } from './asking.ts'

describe('the token reaches its holder', () => {
  const asked = { scopes: ['demo:read'], ttl_seconds: 60 }

  test('in the metadata', async () => {
    const w = await world()
    const { result, meta } = await askForAll(w, mintToken, { ...asked, delivery: 'meta' })
    expect(result.delivery).toEqual({ kind: 'meta' })
    expect(meta).toEqual({ 'dev.remit/token': expect.stringMatching(/^eyJ/) })
    expect(JSON.stringify(result)).not.toContain(meta['dev.remit/token'])
  })

  test('in a private file that holds nothing else', async () => {
    const w = await world()
    const { result, meta } = await askForAll(w, mintToken, { ...asked, delivery: 'file' })
    const { kind, path = '' } = result.delivery ?? { kind: '' }
    expect({ kind, meta }).toEqual({ kind: 'file', meta: {} })
    expect(path.startsWith(`${w.home}/deliveries/`)).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const presentedToken = readFileSync(path, 'utf8')
    expect(await ask(w, whoami, {}, { kind: 'token', presentedToken })).toMatchObject({
      grant: { id: result.grant_id },
    })
  })

  test('by a handoff, of which only the code is told', async () => {
    const w = await world()
    const { result, meta } = await askForAll(w, mintToken, { ...asked, delivery: 'handoff' })
    expect(result.delivery).toEqual({
      kind: 'handoff',
      handoff: expect.stringMatching(/^rmt_hof_/),
    })
    expect(meta).toEqual({})
  })

  test('as its handle, with nothing else', async () => {
    const w = await world()
    const { result, meta } = await askForAll(w, mintToken, asked)
    expect([result.delivery, meta]).toEqual([{ kind: 'handle' }, {}])
  })

  test.each([
    ['sealed', 'invalid_request', {}],
    ['inline', 'invalid_request', { delivery: ['handle'] as const }],
    ['file', 'invalid_request', { localFiles: false }],
  ])('%s is refused as %s where it is not to be had', async (delivery, code, settings) => {
    const w = await world({ settings })
    const before = await contents(w)
    expect(await refuse(w, mintToken, { ...asked, delivery })).toMatchObject({ code })
    expect((await contents(w))['tokens']).toEqual(before['tokens'])
  })

  test.each([
    ['file', { localFiles: false }, 'handle, meta, handoff, sealed, inline'],
    ['meta', { delivery: ['handle', 'file'] as const }, 'handle, file'],
  ])('where %s is refused, what there is instead is named', async (delivery, settings, kinds) => {
    const w = await world({ settings })
    expect(await refuse(w, mintToken, { ...asked, delivery })).toMatchObject({
      remedy: { text: `Choose another delivery: ${kinds}.` },
    })
  })

  test('a key that is none is bound to nothing', async () => {
    const w = await world()
    const bound = { ...asked, bind_jwk: { kty: 'OKP' } }
    expect(await refuse(w, mintToken, bound)).toMatchObject({ code: 'invalid_request' })
  })
})
