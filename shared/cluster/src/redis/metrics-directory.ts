import type { ProcessMetrics } from '@bgs/runtime/process-metrics/process-metrics.ts'
import type { Redis } from 'ioredis'
import { RedisDirectory } from './redis-directory.ts'

/** The metrics of all processes of a cluster. While Redis is away only this process's are known. */
export class MetricsDirectory {
  readonly #directory: RedisDirectory<ProcessMetrics>
  readonly #own: () => Promise<ProcessMetrics>

  /** `id` names this process among all. */
  constructor(redis: Redis, prefix: string, id: string, own: () => Promise<ProcessMetrics>) {
    this.#directory = new RedisDirectory(redis, `${prefix}figures:`, id, own)
    this.#own = own
  }

  /** Tells this process's metrics until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void> {
    return this.#directory.run(signal)
  }

  /** This process first. */
  async list(): Promise<readonly ProcessMetrics[]> {
    return [await this.#own(), ...(await this.#directory.others())]
  }
}
