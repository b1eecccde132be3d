// Whoever uses `remit-mcp/verify` from TypeScript has its types, with both SDKs and without any of Remit's own
// sources.

import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const consumer = `
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer as ModernServer } from '@modelcontextprotocol/server'
import { createVerifier, protectTools } from 'remit-mcp/verify'
import type { OfflineAuthority, Verifier } from 'remit-mcp/verify'

const remit: Verifier = createVerifier({ issuer: 'urn:remit:x', audience: 'urn:remit:x:y', url: 'https://remit.example' })
for (const server of [
  new McpServer({ name: 'notes', version: '1' }),
  new Server({ name: 'notes', version: '1' }),
  new ModernServer({ name: 'notes', version: '1' }),
]) {
  protectTools(server, remit, { server: 'notes' })
}
const found = await remit.verify('x')
const who: OfflineAuthority | string = found.ok ? found.authority : found.error.code
// @ts-expect-error -- a name is needed
protectTools(new McpServer({ name: 'notes', version: '1' }), remit, {})
export { who }
`

const options = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  types: ['node'],
  skipLibCheck: true,
}

test('a program that protects servers of both SDKs compiles, and one that leaves the name out does not', async () => {
  const folder = temporaryFolder()
  const packages = join(folder, 'node_modules')
  mkdirSync(join(packages, 'remit-mcp'), { recursive: true })
  for (const name of ['@modelcontextprotocol', '@types', 'zod']) {
    symlinkSync(join(root, 'node_modules', name), join(packages, name))
  }
  symlinkSync(join(root, 'package.json'), join(packages, 'remit-mcp/package.json'))
  const { buildTypes } = (await import(join(root, '.scripts/build.mjs'))) as {
    buildTypes(folder: string): Promise<void>
  }
  await buildTypes(join(packages, 'remit-mcp/dist/types'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  writeFileSync(join(folder, 'consumer.ts'), consumer)
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }),
  )
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout, status } = spawnSync(tsc, ['-p', folder], { encoding: 'utf8' })
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
}, 90_000)
