// What is counted, for Prometheus: requests by route, operations by outcome, refusals by code. Every label is
// one of ours, however requests spell theirs, and none names a caller.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { CounterConfiguration } from 'prom-client'
import type { Answer } from '../../operations/perform.ts'
import { Refusal } from '../../core/refusal.ts'
import { refuse } from './answer.ts'
import type { Routes } from './door.ts'

export interface Metrics {
  /** Counts a request that begins; what it returns is given back to `end`. */
  begin(): number
  end(began: number, method: string | undefined, url: string | undefined, status: number): void
  operation(name: string, answer: Answer): void
  text(): Promise<string>
  readonly contentType: string
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  let inFlight = 0
  const requests = counted({
    name: 'remit_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['route', 'method', 'status'],
    registers,
  })
  const operations = counted({
    name: 'remit_operations_total',
    help: 'Operations, by the code of their answer.',
    labelNames: ['operation', 'code'],
    registers,
  })
  const seconds = new Histogram({
    name: 'remit_http_request_seconds',
    help: 'Time from the first header to the answer.',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers,
  })
  registry.registerMetric(
    new Gauge({
      name: 'remit_http_requests_in_flight',
      help: 'Requests that are being answered.',
      registers: [],
      collect() {
        this.set(inFlight)
      },
    }),
  )
  return {
    begin() {
      inFlight += 1
      return performance.now()
    },
    end(began, method, url, status) {
      inFlight -= 1
      const route = routeOf(url)
      requests(route, methodOf(method), String(status))
      seconds.observe({ route }, (performance.now() - began) / 1000)
    },
    operation(operation, answer) {
      operations(operation, answer.ok ? 'allowed' : answer.refusal.code)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** A counter that costs next to nothing until it is read. */
function counted<L extends string>(of: CounterConfiguration<L>): (...values: string[]) => void {
  const counts = new Map<string, number>()
  const counter = new Counter({
    ...of,
    collect() {
      counter.reset()
      for (const [key, count] of counts) counter.labels(...key.split(' ')).inc(count)
    },
  })
  return (...values) => {
    const key = values.join(' ')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
}

/** The first part of a path where it is one of ours. */
const routes: ReadonlySet<string> = new Set([
  'mcp',
  'operations',
  'jwks',
  'healthz',
  'readyz',
  'metrics',
  'token',
  'introspect',
  'revoke',
  'register',
  'deny-list',
  '.well-known',
])

function routeOf(url = ''): string {
  const [first = ''] = url.slice(1).split(/[/?]/, 1)
  return routes.has(first) ? `/${first}` : 'other'
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])
const methodOf = (method = ''): string => (methods.has(method) ? method : 'other')

export const metricsRoutes: Routes = (app, door) => {
  app.get('/metrics', async (ask) => {
    const isFor = door.settings.metrics === 'all' || ask.env.arrived.isLoopback
    if (!isFor) return refuse(ask, door, new Refusal('not_found'))
    const { metrics } = door
    return ask.body(await metrics.text(), 200, { 'content-type': metrics.contentType })
  })
}
