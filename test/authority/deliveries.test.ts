// A delivered file is private, where this server puts it, and gone when what it holds has expired.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  deliverFile,
  replaceCredentialFile,
  sweepDeliveries,
} from '../../src/authority/deliveries.ts'
import { temporaryFolder } from '../support/temporary.ts'

afterEach(() => void vi.useRealTimers())

const start = Math.floor(Date.now() / 1000)

function place(credentialFile?: string) {
  const home = temporaryFolder()
  const clock = { now: start }
  return {
    home,
    clock,
    folder: join(home, 'deliveries'),
    now: () => clock.now,
    settings: { home, ...(credentialFile !== undefined && { credentialFile }) },
  }
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe('a delivered file', () => {
  test('is its owner’s alone, under a name that cannot be guessed', async () => {
    const p = place()
    const paths = [await deliverFile(p, 'one'), await deliverFile(p, 'two')]
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['one', 'two'])
    expect(paths.map(modeOf)).toEqual(['600', '600'])
    expect(modeOf(p.folder)).toBe('700')
    for (const path of paths) expect(basename(path)).toMatch(/^[0-9a-f]{32}$/)
    expect(new Set(paths).size).toBe(2)
    expect(readdirSync(p.folder)).toHaveLength(2)
  })

  test('goes when what it holds has expired', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const p = place()
    const path = await deliverFile(p, 'x', start + 60)
    const lasting = await deliverFile(p, 'x')
    vi.advanceTimersByTime(59_000)
    expect(existsSync(path)).toBe(true)
    vi.advanceTimersByTime(1000)
    await vi.waitFor(() => expect(existsSync(path)).toBe(false))
    expect(existsSync(lasting)).toBe(true)
  })

  test('that a process left behind goes at the next start', async () => {
    const p = place()
    expect(await sweepDeliveries(p)).toBe(0)
    const path = await deliverFile(p, 'x', start + 600)
    const lasting = await deliverFile(p, 'x')
    mkdirSync(join(p.folder, 'other'))
    p.clock.now = start + 599
    expect(await sweepDeliveries(p)).toBe(0)
    p.clock.now = start + 600
    expect(await sweepDeliveries(p, true)).toBe(1)
    expect(existsSync(path)).toBe(true)
    expect(await sweepDeliveries(p)).toBe(1)
    expect([existsSync(path), existsSync(lasting)]).toEqual([false, true])
  })
})

describe('the credential file', () => {
  const held = (agent: string) => JSON.stringify({ agent_id: agent, secret: 'old' })

  function withFile(text: string) {
    const file = join(temporaryFolder(), 'credential.json')
    writeFileSync(file, text, { mode: 0o600 })
    return { file, ...place(file) }
  }

  test('is replaced for the same agent, as private as it was', () => {
    const p = withFile(held('agt_1'))
    expect(replaceCredentialFile(p, 'new', 'agt_1')).toBe(p.file)
    expect([readFileSync(p.file, 'utf8'), modeOf(p.file)]).toEqual(['new', '600'])
  })

  test.each([
    ['another agent’s', held('agt_2')],
    ['no JSON', 'nothing'],
    ['null', 'null'],
  ])('is left alone where it is %s', (_, text) => {
    const p = withFile(text)
    expect(replaceCredentialFile(p, 'new', 'agt_1')).toBeUndefined()
    expect(readFileSync(p.file, 'utf8')).toBe(text)
  })

  test('is left alone where it is a link, or gone, or there never was one', () => {
    const target = withFile(held('agt_1')).file
    const link = join(temporaryFolder(), 'link.json')
    symlinkSync(target, link)
    expect(replaceCredentialFile(place(link), 'new', 'agt_1')).toBeUndefined()
    expect(readFileSync(target, 'utf8')).toBe(held('agt_1'))
    expect(replaceCredentialFile(place(`${link}.gone`), 'new', 'agt_1')).toBeUndefined()
    expect(replaceCredentialFile(place(), 'new', 'agt_1')).toBeUndefined()
  })
})
