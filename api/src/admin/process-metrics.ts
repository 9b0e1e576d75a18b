import type { ProcessMetrics } from '@bgs/runtime/process-metrics/process-metrics.ts'
import { sumMetrics } from '@bgs/runtime/process-metrics/sum-metrics.ts'
import { ok } from '../http/answer.ts'
import { type AdminRoute, read } from './route.ts'

/** What of a process is told beside the totals. */
export interface ProcessInShort {
  readonly id: string
  readonly role: string
  readonly memoryBytes: number
  readonly cpuSeconds: number
}

/** The metrics of all processes, as JSON and added up: two answers give rates. */
export const PROCESS_METRICS: AdminRoute = read(
  '/admin/figures',
  'metrics of all processes added up, by name; positions and lags are the greatest of all',
  {},
  async (_request, { processMetrics, now }) => {
    const processes = await processMetrics()
    return ok({ nowMs: now(), processes: processes.map(inShort), figures: sumMetrics(processes) })
  },
)

function inShort({ id, role, figures }: ProcessMetrics): ProcessInShort {
  const of = (wanted: string) => figures.find(({ name }) => name === wanted)?.value ?? 0
  return {
    id,
    role,
    memoryBytes: of('process_resident_memory_bytes'),
    cpuSeconds: of('process_cpu_seconds_total'),
  }
}
