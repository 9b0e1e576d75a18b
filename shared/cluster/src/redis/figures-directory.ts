import type { ProcessFigures } from '@bgs/runtime/figures/process-figures.ts'
import type { Redis } from 'ioredis'
import { RedisDirectory } from './redis-directory.ts'

/** The figures of all processes of a cluster. While Redis is away only this process's are known. */
export class FiguresDirectory {
  readonly #directory: RedisDirectory<ProcessFigures>
  readonly #own: () => Promise<ProcessFigures>

  /** `id` names this process among all. */
  constructor(redis: Redis, prefix: string, id: string, own: () => Promise<ProcessFigures>) {
    this.#directory = new RedisDirectory(redis, `${prefix}figures:`, id, own)
    this.#own = own
  }

  /** Tells this process's figures until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void> {
    return this.#directory.run(signal)
  }

  /** This process first. */
  async list(): Promise<readonly ProcessFigures[]> {
    return [await this.#own(), ...(await this.#directory.others())]
  }
}
