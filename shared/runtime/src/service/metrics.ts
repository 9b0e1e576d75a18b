import { totalmem } from 'node:os'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { LOG_LOSSES, linesLost } from './log-counts.ts'

/**
 * How often the lag of the event loop is taken, in milliseconds: what `nodejs_eventloop_lag_*_seconds` say begins there.
 * By default it is 10: a hundred wake-ups a second were more than half of the CPU of a process that has nothing to do.
 */
const LAG_EVERY_MS = 100

/** A registry with the process's own metrics; each package adds those of its stage in its metrics.ts. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS })
  new Gauge({
    name: 'relay_process_memory_limit_bytes',
    help: 'Memory that this process may use: the limit of its container, or what the machine has',
    registers: [registry],
  }).set(memoryLimit())
  new Counter({
    name: 'relay_process_log_lines_left_out_total',
    help: 'Lines of the log that were left out: too many of the same, not read as quickly as they came, or not writable',
    labelNames: ['cause'] as const,
    registers: [registry],
    // Counted for all threads, before there is a registry.
    collect() {
      this.reset()
      for (const cause of LOG_LOSSES) this.inc({ cause }, linesLost(cause))
    },
  })
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
