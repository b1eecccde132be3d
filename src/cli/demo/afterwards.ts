// What stays when the story has ended: a store in `.remit` of the current directory, where there was none,
// with which mcp.json works as it stands, and how to try it.

import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Page } from './page.ts'
import { callerOn, within } from './calls.ts'
import { BrokenPromise, promised } from './promise.ts'
import { runRemit } from './stage.ts'
import type { Stage } from './stage.ts'

const credentialFile = 'credentials/local.json'

export async function makeLocalStore({ step, yes }: Page, stage: Stage, program: string) {
  step('Your turn')
  const home = resolve('.remit')
  const isThere = existsSync(join(home, 'remit.db'))
  if (!isThere) {
    await runRemit(program, ['init', '--json'], home).catch((error: unknown) => {
      const said = (error as { readonly stderr?: string }).stderr
      throw new BrokenPromise(
        `a store is made in .remit; init said\n${said?.trim() ?? String(error)}`,
      )
    })
  }
  const connection = await stage.start(credentialFile, home)
  const agent = within(await callerOn(connection).allowed('whoami'), 'agent')
  await connection.close()
  promised(agent['name'] === 'local', 'mcp.json starts a server for the agent local')
  yes(
    isThere
      ? '.remit holds a store already; it is left as it is'
      : '.remit holds a store of your own, with the agents admin and local',
  )
}

export function howToTry({ print, paint }: Page, program: string): void {
  const place = relative('.', program)
  const isHere = place === join('dist', 'main.js') && existsSync('mcp.json')
  const remit = isHere ? `node ${place}` : `node ${program}`
  const home = resolve('.remit')
  const inspected = isHere
    ? '--config mcp.json --server remit'
    : `-e REMIT_HOME=${home} -e REMIT_CREDENTIAL_FILE=${credentialFile} ${remit} stdio`
  const show = (what: string, ...lines: readonly string[]) =>
    print([`\n   ${what}`, ...lines.map((line) => `     ${paint('cyan', line)}`)].join('\n'))
  show('Look at it in MCP Inspector:', `npx @modelcontextprotocol/inspector ${inspected}`)
  show(
    'Ask it on the command line, as the administrator:',
    `REMIT_HOME=.remit ${remit} whoami`,
    `REMIT_HOME=.remit ${remit} --help`,
  )
  show(
    'Add it to a client, under its `mcpServers`:',
    '"remit": {',
    '  "command": "node",',
    `  "args": [${JSON.stringify(program)}, "stdio"],`,
    `  "env": {`,
    `    "REMIT_HOME": ${JSON.stringify(home)},`,
    `    "REMIT_CREDENTIAL_FILE": ${JSON.stringify(credentialFile)}`,
    '  }',
    '}',
  )
  print()
}
