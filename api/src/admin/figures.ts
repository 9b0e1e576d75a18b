import type { ProcessFigures } from '@bgs/runtime/figures/process-figures.ts'
import { sumFigures } from '@bgs/runtime/figures/sum-figures.ts'
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
export const FIGURES: AdminRoute = read(
  '/admin/figures',
  'metrics of all processes added up, by name; positions and lags are the greatest of all',
  {},
  async (_request, { figures, now }) => {
    const processes = await figures()
    return ok({ nowMs: now(), processes: processes.map(inShort), figures: sumFigures(processes) })
  },
)

function inShort({ id, role, figures }: ProcessFigures): ProcessInShort {
  const of = (wanted: string) => figures.find(({ name }) => name === wanted)?.value ?? 0
  return {
    id,
    role,
    memoryBytes: of('process_resident_memory_bytes'),
    cpuSeconds: of('process_cpu_seconds_total'),
  }
}
