// What is done on the host, by whoever has the files and the master key, is remembered like everything
// else: without a presenter, under the name of what was done.

import type { UnlinkedEvent } from '../core/audit-link.ts'
import type { IdPrefix } from '../core/id.ts'
import { newId as newTypeId } from '../core/id.ts'
import { orgs } from '../store/facts.ts'
import type { OpenedStore } from '../store/open.ts'
import { StoreProblem } from '../store/problem.ts'
import { createKeyRing } from './key-ring.ts'
import type { KeyRing } from './key-ring.ts'
import { openLiveState } from './live.ts'
import type { LiveState } from './live.ts'
import { ownServerName } from './first-records.ts'

export interface HostOptions {
  readonly now?: () => number
  readonly newId?: (prefix: IdPrefix) => string
}

/** An open store with what the upkeep of it needs. */
export interface OnHost extends Pick<OpenedStore, 'store' | 'keys'> {
  readonly live: LiveState
  readonly ring: KeyRing
  readonly self: {
    readonly storeId: string
    readonly issuer: string
    readonly orgId: string
    readonly serverId: string
  }
  readonly now: () => number
  /** An event of this upkeep. */
  readonly event: (operation: string, target: string, detail: object) => UnlinkedEvent
}

export async function onHost(opened: OpenedStore, options: HostOptions = {}): Promise<OnHost> {
  const { store, keys, facts } = opened
  const { now = () => Math.floor(Date.now() / 1000), newId = newTypeId } = options
  const live = await openLiveState(store)
  const [org] = await store.read(orgs)
  const server = org === undefined ? undefined : live.serverByName(org.id, ownServerName)
  if (org === undefined || server === undefined) {
    throw new StoreProblem('damaged', 'The store has no organisation, or no record of this server.')
  }
  const self = { ...facts, orgId: org.id, serverId: server.id }
  return {
    store,
    keys,
    live,
    ring: createKeyRing(live, keys),
    self,
    now,
    event: (operation, target, detail) => ({
      id: newId('evt'),
      at: now(),
      orgId: org.id,
      operation,
      outcome: 'allowed',
      code: 'allowed',
      lineage: [],
      target,
      detail: JSON.stringify(detail),
      count: 1,
      serverId: server.id,
    }),
  }
}

/** Commits one unit; `stale` where a condition no longer held. */
export async function commitOnHost(
  { store, now }: Pick<OnHost, 'store' | 'now'>,
  unit: Parameters<OnHost['store']['commit']>[0][number],
): Promise<'committed' | 'stale'> {
  const [result] = await store.commit([unit], now())
  if (result?.ok === true) return 'committed'
  if (result?.stale === false) throw result.error
  return 'stale'
}
