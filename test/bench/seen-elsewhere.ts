// How soon what one process revoked is refused by another: on SQLite at its next call, on PostgreSQL when it
// has heard of it. The other one is the built server, asked again and again from the moment on at which the
// revocation was answered.

import { makeHome } from './support/home.ts'
import type { Home } from './support/home.ts'
import { medianOf, percentile, say, sayAim } from './support/measure.ts'
import { startDatabase } from './support/postgres.ts'
import { connectRemit } from './support/stdio.ts'

const rounds = 200
const withinMs = 50

const onSqlite = await seen(await makeHome())
const atNext = onSqlite.filter(({ calls }) => calls === 1).length
say(`revocations seen by another process on SQLite: ${atNext} of ${rounds} at its next call`)
sayAim('aim all of them', atNext === rounds)

const database = await startDatabase()
const onPostgres = { REMIT_DATABASE_URL: await database.make('seen') }
const times = await seen(await makeHome({ ...onPostgres }), onPostgres)
const late = percentile(
  times.map(({ ms }) => ms),
  0.99,
)
const usual = medianOf(times.map(({ ms }) => ms))
say(`revocations seen by another process on PostgreSQL: ${usual.toFixed(1)} ms, the median`)
sayAim(`99 of 100 within ${late.toFixed(1)} ms, aim ${withinMs}`, late <= withinMs)
await database.stop()

/** How long each took since its answer, and the calls until then, the one that saw it among them. */
async function seen(home: Home, settings: Readonly<Record<string, string>> = {}) {
  // Its own process has taken secrets out of what it was started with.
  const other = connectRemit({ ...home, env: { ...home.env, ...settings } })
  await other.open('ping')
  const all: { readonly ms: number; readonly calls: number }[] = []
  while (all.length < rounds) {
    const minted = await home.result('mint_token', { scopes: ['demo:read'] }, home.as.local)
    const grant_id = String(minted.result['grant_id'])
    if (!(await mayStill(grant_id))) throw new Error('A new grant was not allowed.')
    await home.result('revoke_token', { grant_id, cause: 'bench' }, home.as.local)
    const started = performance.now()
    let calls = 1
    while (await mayStill(grant_id)) calls += 1
    all.push({ ms: performance.now() - started, calls })
  }
  await other.close()
  await home.close()
  return all

  async function mayStill(grant_id: string): Promise<boolean> {
    const asked = { permissions: ['demo:read'], grant_id }
    const answer = await other.request('tools/call', { name: 'check_permission', arguments: asked })
    const { allowed } = answer['structuredContent'] as { allowed?: boolean }
    if (allowed === undefined) throw new Error(JSON.stringify(answer))
    return allowed
  }
}
