// What is called where there is no operation of that name: a call like any other, so that nobody unknown learns
// which names there are and the audit has it. The name itself is kept nowhere.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import { defineOperation } from './operation.ts'

export const unknownOperation = defineOperation({
  name: 'unknown_operation',
  title: 'Unknown operation',
  summary: 'Refuses.',
  permission: '·',
  effect: 'read',
  spendsUse: false,
  input: z.looseObject({}),
  output: z.object({}),
  handle: () => {
    throw new Refusal('unknown_operation')
  },
})
