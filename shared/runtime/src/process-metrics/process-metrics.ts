import type { MetricObject, Registry } from 'prom-client'

/** One value of a process: a sample of one of its metrics. */
interface MetricValue {
  /** As on /metrics, with `_bucket`, `_sum` and `_count` for a histogram. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** What stands for several processes: their sum, or the greatest of them. */
  readonly total: 'sum' | 'max'
}

/** What one process of a relay says of itself. */
export interface ProcessMetrics {
  readonly id: string
  readonly role: string
  /** Called so in Redis and in GET /admin/figures. */
  readonly figures: readonly MetricValue[]
}

const SHOWN = /^(relay_|process_resident_memory_bytes$|process_cpu_seconds_total$)/
/**
 * Positions, distances, what waits in a topic, and whether something is down: each process that tells it tells the whole,
 * and the sum of two means nothing.
 */
const GREATEST = /(_seq|_lag_\w+|_behind_\w+|_bus_pending_\w+|_directory_down)$/

/** The metrics of a process, out of all the registries that it keeps. */
export async function processMetrics(
  id: string,
  role: string,
  registries: readonly Pick<Registry, 'getMetricsAsJSON'>[],
): Promise<ProcessMetrics> {
  const metrics = (await Promise.all(registries.map((one) => one.getMetricsAsJSON()))).flat()
  return { id, role, figures: metrics.filter(({ name }) => SHOWN.test(name)).flatMap(valuesOf) }
}

/** A sample of a histogram has a name of its own, which the type of the library leaves out. */
interface Sample {
  readonly metricName?: string
  readonly labels: object
  readonly value: number
}

function valuesOf(metric: MetricObject & { values?: readonly Sample[]; aggregator?: string }): MetricValue[] {
  const { name, aggregator } = metric
  const total = aggregator === 'max' || GREATEST.test(name) ? 'max' : 'sum'
  return (metric.values ?? []).map(({ metricName, labels, value }) => ({
    name: metricName ?? name,
    labels: Object.fromEntries(Object.entries(labels).map(([key, label]) => [key, String(label)])),
    value,
    total,
  }))
}
