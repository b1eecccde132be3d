// What minting costs beside the signature it cannot do without: each token signed, and its grant, record and
// event durable before the answer, with 64 calls in flight.

import { generateKeyPairSync, sign } from 'node:crypto'
import { makeHome, tokenIn } from './support/home.ts'
import { comparePair, perSecond, perSecondAtOnce } from './support/measure.ts'

const mints = 2048
const inFlight = 64

const home = await makeHome()
const mintOne = () =>
  home.result('mint_token', { scopes: ['demo:read'], delivery: 'meta' }, home.as.local)
const token = tokenIn(await mintOne())
const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1')
const { privateKey } = generateKeyPairSync('ed25519')

await comparePair({
  name: `mint_token, durable, ${inFlight} in flight`,
  unit: 'per second',
  ours: () =>
    perSecond(mints, async () => {
      let left = mints
      const work = async () => {
        while (left-- > 0) await mintOne()
      }
      await Promise.all(Array.from({ length: inFlight }, work))
    }),
  other: {
    name: 'Ed25519 signatures of such a token',
    round: () => perSecondAtOnce(2000, () => void sign(null, signed, privateKey)),
  },
  aim: 0.5,
})
await home.close()
