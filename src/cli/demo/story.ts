// The main job, told in steps and checked as it is told: three agents, a chain of delegation that only
// narrows, a secret that rotates, a branch that is revoked, and the record of it all.

import { ask, delegate, refuseToWiden } from './delegation.ts'
import { revoke, rotate, verify } from './ending.ts'
import { makeStore, registerAgents, registerServer } from './opening.ts'
import type { Page } from './page.ts'
import type { Stage } from './stage.ts'

export async function tellStory(page: Page, stage: Stage): Promise<void> {
  await makeStore(page, stage)
  const admin = await registerServer(page, stage)
  const files = await registerAgents(page, admin)
  const pipe = await stage.start(files.orchestrator)
  const chain = await delegate(page, pipe)
  await refuseToWiden(page, chain)
  await ask(page, chain)
  await rotate(page, stage, pipe, files.orchestrator, chain)
  await revoke(page, chain)
  await verify(page, admin)
}
