// The repeat of a call that handed out a secret, where another process answered it a moment ago.
import { expect, test, vi } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { world } from '../support/world.ts'

test.each<[string, Operation, object]>([
  ['rotation', rotateCredential as unknown as Operation, { overlap_seconds: 60 }],
  ['new credential', addCredential as unknown as Operation, { agent: 'worker', kind: 'secret' }],
])(
  'a %s that another process made since this one looked is repeated',
  async (_, operation, more) => {
    const w = await world()
    const worker = await w.addAgent('worker', 'demo:read')
    const other = await w.startProcess()
    const args = { ...more, delivery: 'meta', idempotency_key: 'once' }
    const { read } = w.context.store
    const answered: string[] = []
    // The other process answers just before this one looks for an answer that was given already.
    vi.spyOn(w.context.store, 'read').mockImplementation((query) => {
      if (answered.length > 0 || !query.sql.includes('from idempotency')) return read(query)
      answered.push('')
      return w.result(operation, args, worker, { in: other }).then((first) => {
        answered.push(String((first as { credential_id?: string }).credential_id))
        return read(query)
      })
    })
    const again = await w.result(operation, args, worker)
    expect(again).toMatchObject({ credential_id: answered[1] })
  },
)
