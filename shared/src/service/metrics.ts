import { collectDefaultMetrics, Registry } from 'prom-client'

/** A registry with the process's own figures; each package adds those of its stage in its metrics.ts. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

/** Bounds of histograms of time, in seconds: from a tenth of a millisecond to half a minute. */
export const TIME_BUCKETS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
