import { crawlerMetrics } from '@bgs/crawler/metrics.ts'
import { fanoutMetrics, feedMetrics, mirrorMetrics } from '@bgs/fanout/metrics.ts'
import { createRegistry } from '@bgs/runtime/service/metrics.ts'
import {
  busMetrics,
  leaseMetrics,
  opsMetrics,
  rejectionMetrics,
  serverMetrics,
} from '@bgs/runtime/service/shared-metrics.ts'
import { sequencerMetrics } from '@bgs/sequencer/metrics.ts'
import { verifierMetrics } from '@bgs/verifier/metrics.ts'
import { Registry } from 'prom-client'
import {
  bookkeepingMetrics,
  crawlerRoleMetrics,
  diskMetrics,
  heartbeatMetrics,
  producerMetrics,
  trimMetrics,
  verifierRoleMetrics,
  webhookMetrics,
} from './metrics.ts'

/** A metric as it is declared. */
export interface DeclaredMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labels: readonly string[]
  readonly where: Where
}

/** Which processes show it: what a stage has the embedded relay shows, too; `cluster`: only roles of a cluster. */
type Where = 'everywhere' | 'crawler' | 'verifier' | 'sequencer' | 'fanout' | 'cluster'

/** Each table of metrics with where it is used. */
const TABLES: readonly (readonly [Where, (registry: Registry) => unknown])[] = [
  ['everywhere', opsMetrics],
  ['everywhere', rejectionMetrics],
  ['everywhere', busMetrics],
  ['everywhere', heartbeatMetrics],
  ['everywhere', bookkeepingMetrics],
  ['fanout', diskMetrics],
  ['crawler', crawlerMetrics],
  ['crawler', webhookMetrics],
  ['verifier', verifierMetrics],
  ['sequencer', sequencerMetrics],
  ['fanout', fanoutMetrics],
  ['fanout', feedMetrics],
  ['cluster', serverMetrics],
  ['cluster', leaseMetrics],
  ['cluster', producerMetrics],
  ['cluster', trimMetrics],
  ['cluster', crawlerRoleMetrics],
  ['cluster', verifierRoleMetrics],
  ['cluster', mirrorMetrics],
]

/** Every metric that a process of the relay may show, those of Node.js and the process among them. */
export function declaredMetrics(): DeclaredMetric[] {
  const shown = TABLES.flatMap(([where, declare]) => {
    const registry = new Registry()
    declare(registry)
    return metricsOf(registry, where)
  })
  return [...metricsOf(createRegistry(), 'everywhere'), ...shown]
}

function metricsOf(registry: Registry, where: Where): DeclaredMetric[] {
  return registry.getMetricsAsArray().map((metric) => {
    // Not in the library's types: the names that values are given under.
    const { labelNames } = metric as unknown as { labelNames: readonly string[] }
    const type = metric.type as unknown as string
    return { name: metric.name, help: metric.help, type, labels: labelNames, where }
  })
}

/** Names of the series that a metric makes. */
export function seriesOf({ name, type }: Pick<DeclaredMetric, 'name' | 'type'>): string[] {
  if (type === 'histogram') return [`${name}_bucket`, `${name}_sum`, `${name}_count`]
  if (type === 'summary') return [name, `${name}_sum`, `${name}_count`]
  return [name]
}
