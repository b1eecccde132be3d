// Whether the process lives (`/healthz`) and whether it can serve (`/readyz`). Both say no more than that.

import { readiness } from '../../operations/readiness.ts'
import type { Routes } from './door.ts'

export const healthRoutes: Routes = (app, door) => {
  app.get('/healthz', (ask) => ask.json({ status: 'ok' }))
  app.get('/readyz', async (ask) => {
    const checks = { ...(await readiness(door.context)), stopping: !door.isStopping() }
    const failed = Object.entries(checks).flatMap(([name, passed]) => (passed ? [] : [name]))
    return failed.length === 0
      ? ask.json({ status: 'ready' })
      : ask.json({ status: 'not ready', failed }, 503, { 'retry-after': '1' })
  })
}
