import type { ProcessMetrics } from './process-metrics.ts'

/** A metric of the whole relay. */
export interface Total {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The metrics of all processes as one, by name. */
export function sumMetrics(processes: readonly ProcessMetrics[]): Record<string, Total[]> {
  const totals = new Map<string, Map<string, Total>>()
  for (const { figures } of processes) {
    for (const { name, labels, value, total } of figures) {
      const series = totals.get(name) ?? new Map<string, Total>()
      totals.set(name, series)
      const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
      const known = series.get(key)?.value
      const both = known === undefined ? value : total === 'max' ? Math.max(known, value) : known + value
      series.set(key, { labels, value: both })
    }
  }
  return Object.fromEntries([...totals].map(([name, series]) => [name, [...series.values()]]))
}
