// The engine for more than one machine keeps the contract too.

import { onTestFinished } from 'vitest'
import { openForInit } from '../../src/store/engine.ts'
import { testDatabase } from '../support/database.ts'
import { runContract } from './contract.ts'
import type { Open } from './contract/bench.ts'

runContract('postgres', async (): Promise<Open> => {
  const database = await testDatabase('')
  onTestFinished(database.drop)
  return (options) => openForInit(database.place(), options)
})
