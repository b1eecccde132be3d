import { describe, expect, it } from 'vitest'

import { createHashingQueue } from '../../src/crypto/hashing-queue.ts'

const cheap = { memoryKib: 64, passes: 1, lanes: 1 }

describe('hashing', () => {
  const queue = createHashingQueue({ concurrency: 2, depth: 64, parameters: cheap })

  it('verifies the secret that was hashed and no other', async () => {
    const encoded = await queue.hash('correct')
    expect(await queue.verify(encoded, 'correct')).toBe(true)
    expect(await queue.verify(encoded, 'correct ')).toBe(false)
    expect(await queue.verify(encoded, '')).toBe(false)
  })

  it('salts afresh each time', async () => {
    expect(await queue.hash('same')).not.toBe(await queue.hash('same'))
  })

  it('uses argon2id with 19 MiB, two passes and one lane unless told otherwise', async () => {
    const usual = createHashingQueue({ concurrency: 1, depth: 1 })
    expect(await usual.hash('x')).toMatch(/^\$argon2id\$v=19\$m=19456,p=1,t=2\$/)
  })

  it('reads a hash that others wrote with its parameters in the usual order', async () => {
    const encoded = await queue.hash('correct')
    const reordered = encoded.replace('p=1,t=1', 't=1,p=1')
    expect(reordered).not.toBe(encoded)
    expect(await queue.verify(reordered, 'correct')).toBe(true)
  })

  it.each([
    '',
    'plain text',
    '$argon2id$',
    '$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
    '$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
    '$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
    '$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$',
    '$2b$10$abcdefghijklmnopqrstuv',
  ])('matches nothing against the unreadable hash %j', async (encoded) => {
    expect(await queue.verify(encoded, 'correct')).toBe(false)
  })
})

describe('a full queue', () => {
  it('turns the next one away and serves those it took', async () => {
    const { hash } = createHashingQueue({ concurrency: 2, depth: 1, parameters: cheap })
    const taken = [hash('a'), hash('b'), hash('c')]
    await expect(hash('d')).rejects.toMatchObject({ name: 'Refusal', code: 'rate_limited' })
    expect(await Promise.all(taken)).toHaveLength(3)
  })
})
