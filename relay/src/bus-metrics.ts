import type { BusTopic, PartitionLag } from '@bgs/contract/bus/bus.ts'
import type { BusMetrics } from '@bgs/runtime/service/shared-metrics.ts'

type Pending = Pick<BusTopic<unknown>, 'pendingBytes' | 'pendingRecords' | 'lags'>

/** Brings the gauges of topics in memory up to date. */
export function updateTopics(metrics: BusMetrics, topics: Readonly<Record<string, Pending>>): void {
  for (const [topic, { pendingBytes, pendingRecords }] of Object.entries(topics)) {
    metrics.pendingBytes.set({ topic }, pendingBytes)
    metrics.pendingRecords.set({ topic }, pendingRecords)
  }
  updateLags(metrics, topics)
}

/** Brings the lag of what this process reads up to date. */
export function updateLags(
  { lagRecords, lagSeconds }: BusMetrics,
  topics: Readonly<Record<string, { lags(): PartitionLag[] }>>,
): void {
  for (const [topic, reader] of Object.entries(topics)) {
    for (const { partition, records, oldestAgeMs } of reader.lags()) {
      const labels = { topic, partition: String(partition) }
      lagRecords.set(labels, records)
      lagSeconds.set(labels, (oldestAgeMs ?? 0) / 1_000)
    }
  }
}
