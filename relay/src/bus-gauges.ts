import type { BusTopic } from '@bgs/shared/bus/bus.ts'
import { Gauge, type Registry } from 'prom-client'

type Pending = Pick<BusTopic<unknown>, 'pendingBytes' | 'pendingRecords'>

/** Gauges of what waits on each topic; the returned function brings them up to date. */
export function busGauges(registry: Registry, topics: Readonly<Record<string, Pending>>): () => void {
  const labelNames = ['topic'] as const
  const registers = [registry]
  const bytes = new Gauge({
    name: 'relay_bus_pending_bytes',
    help: 'Bytes on a topic that are not done',
    labelNames,
    registers,
  })
  const records = new Gauge({
    name: 'relay_bus_pending_records',
    help: 'Records on a topic that are not done',
    labelNames,
    registers,
  })
  return () => {
    for (const [topic, { pendingBytes, pendingRecords }] of Object.entries(topics)) {
      bytes.set({ topic }, pendingBytes)
      records.set({ topic }, pendingRecords)
    }
  }
}
