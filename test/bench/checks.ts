// "May the holder of this token do that?", answered with its reason through the one path of every call, beside
// the signature check alone that any verifier would have to make. Another process has the store open, and
// every check asks whether it changed anything.

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { checkPermission } from '../../src/operations/check-permission.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { perform } from '../../src/operations/perform.ts'
import type { Request } from '../../src/operations/perform.ts'
import { makeHome, startNeighbour, tokenIn } from './support/home.ts'
import { comparePair, perSecondAtOnce } from './support/measure.ts'

const holders = 64
const permissions = ['demo/notes/today:read', 'demo/notes:write', 'demo:read', 'demo/a/b/c:delete']
/** Few at a time, so that a request is as near at hand as one that just came in. */
const batch = 500
const batches = 80

const home = await makeHome()
const endNeighbour = await startNeighbour(home)
const { context } = home
const operation = checkPermission as unknown as Operation
const tokens = await delegated()

const [first = ''] = tokens
const signed = Buffer.from(first.slice(0, first.lastIndexOf('.')), 'latin1')
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const signature = sign(null, signed, privateKey)
const signatures = {
  name: 'Ed25519 verifications of such a token',
  round: () => perSecondAtOnce(2000, () => void verify(null, signed, publicKey, signature)),
}

await comparePair({
  name: 'checks, their audit aside',
  unit: 'per second',
  ours: async () => {
    let ms = 0
    for (let i = 0; i < batches; i++) ms += await millisecondsOf(requests(batch))
    await context.audit.flush()
    return (batches * batch * 1000) / ms
  },
  other: signatures,
  aim: 25,
})

await comparePair({
  name: 'checks with their audit',
  unit: 'per second',
  ours: async () => {
    let ms = 0
    for (let i = 0; i < batches; i++) {
      const asked = requests(batch)
      ms += await millisecondsOf(asked, nextTurn)
    }
    ms += await millisecondsOf([], () => context.audit.flush())
    return (batches * batch * 1000) / ms
  },
  other: signatures,
  aim: 8,
})
endNeighbour()
await home.close()

/** Tokens that were delegated by the holders of minted ones. */
async function delegated(): Promise<string[]> {
  const made: string[] = []
  for (let i = 0; i < holders; i++) {
    const scopes = ['demo/**:*', 'tokens:delegate']
    const common = { scopes, delivery: 'meta', ttl_seconds: 3600 }
    const minted = tokenIn(await home.result('mint_token', common, home.as.local))
    const holder = { kind: 'token' as const, presentedToken: minted }
    made.push(tokenIn(await home.result('delegate_token', common, holder)))
  }
  return made
}

/** As they would arrive: no text in them was seen before. */
function requests(count: number): Request[] {
  return Array.from({ length: count }, (_, i) => {
    const token = tokens[i % tokens.length]
    const permission = permissions[(i >> 6) % permissions.length]
    const fresh = JSON.parse(JSON.stringify({ token, permission })) as Record<string, string>
    return {
      arguments: { permissions: [fresh['permission']] },
      meta: { 'dev.remit/token': fresh['token'] },
      environment: { kind: 'nothing' },
    }
  })
}

async function millisecondsOf(asked: readonly Request[], finish?: () => Promise<void>) {
  const started = performance.now()
  for (const request of asked) {
    const answer = perform(context, operation, request)
    requireAllowed(answer instanceof Promise ? await answer : answer)
  }
  await finish?.()
  return performance.now() - started
}

function requireAllowed(answer: Awaited<ReturnType<typeof perform>>): void {
  if (!answer.ok || answer.result['allowed'] !== true) throw new Error('A check was not allowed.')
}
