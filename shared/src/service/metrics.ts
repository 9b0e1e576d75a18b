import { totalmem } from 'node:os'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** A registry with the process's own figures; each package adds those of its stage in its metrics.ts. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'relay_process_memory_limit_bytes',
    help: 'Memory that this process may use: the limit of its container, or what the machine has',
    registers: [registry],
  }).set(memoryLimit())
  return registry
}

/** Without a limit the kernel names one beyond all memory. */
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** Bounds of histograms of time, in seconds: from a tenth of a millisecond to half a minute. */
export const TIME_BUCKETS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
