// From the start of the process to its first tools/list, beside an echo server that lists the same tools.

import { makeHome } from './support/home.ts'
import { comparePair, perSecond } from './support/measure.ts'
import type { Connection } from './support/stdio.ts'
import { connectRemit, echoOf } from './support/stdio.ts'

const home = await makeHome()
const { tools } = await listed(() => connectRemit(home))
const connectEcho = echoOf(home, 'echo', tools, {})

await comparePair({
  name: 'starts to the first tools/list',
  unit: 'per second',
  ours: () => perSecond(1, () => listed(() => connectRemit(home))),
  other: { name: 'echo', round: () => perSecond(1, () => listed(connectEcho)) },
  aim: 1,
  rounds: 15,
})
await home.close()

async function listed(connect: () => Connection) {
  const connection = connect()
  const answer = await connection.open('tools/list')
  connection.close()
  return answer
}
