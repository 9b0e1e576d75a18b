import type { Redis } from 'ioredis'
import type { ProcessFigures } from '../figures/process-figures.ts'
import { wait } from '../service/wait.ts'

const TELL_EVERY_MS = 2_000
/** A process that has said nothing for so long is gone. */
const EXPIRES_S = 10
const SCAN = 100

/**
 * The figures of all processes of a cluster: each tells its own in Redis. While Redis is away only this process's are
 * known.
 */
export class FiguresDirectory {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #id: string
  readonly #own: () => Promise<ProcessFigures>

  /** `id` names this process among all. */
  constructor(redis: Redis, prefix: string, id: string, own: () => Promise<ProcessFigures>) {
    this.#redis = redis
    this.#prefix = `${prefix}figures:`
    this.#id = id
    this.#own = own
  }

  /** Tells this process's figures until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const own = JSON.stringify(await this.#own())
      await this.#redis.set(this.#prefix + this.#id, own, 'EX', EXPIRES_S).catch(() => undefined)
      await wait(TELL_EVERY_MS, signal)
    }
  }

  /** This process first. */
  async list(): Promise<readonly ProcessFigures[]> {
    const own = await this.#own()
    try {
      const others = (await this.#keys()).filter((key) => key !== this.#prefix + this.#id)
      const texts = others.length === 0 ? [] : await this.#redis.mget(others)
      return [own, ...texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as ProcessFigures]))]
    } catch {
      return [own]
    }
  }

  async #keys(): Promise<string[]> {
    const found = new Set<string>()
    for (let cursor = '0'; ; ) {
      const [next, keys] = await this.#redis.scan(cursor, 'MATCH', `${this.#prefix}*`, 'COUNT', SCAN)
      for (const key of keys) found.add(key)
      if (next === '0') return [...found]
      cursor = next
    }
  }
}
