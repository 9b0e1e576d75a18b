import { wait } from '@bgs/runtime/service/wait.ts'
import type { Redis } from 'ioredis'

const PUBLISH_EVERY_MS = 2_000
/** A process that has said nothing for so long is gone. */
const EXPIRES_S = 10
const SCAN = 100

/**
 * What the processes of a cluster say of themselves: each tells its own word in Redis, as JSON, and hears those of all.
 * While Redis is away only its own is known.
 */
export class RedisDirectory<T> {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #id: string
  readonly #own: () => Promise<T>

  /** `id` names this process among all that use the prefix. */
  constructor(redis: Redis, prefix: string, id: string, own: () => Promise<T>) {
    this.#redis = redis
    this.#prefix = prefix
    this.#id = id
    this.#own = own
  }

  /** Tells this process's word until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const own = JSON.stringify(await this.#own())
      await this.#redis.set(this.#prefix + this.#id, own, 'EX', EXPIRES_S).catch(() => undefined)
      await wait(PUBLISH_EVERY_MS, signal)
    }
  }

  /** What the others said last. */
  async others(): Promise<T[]> {
    try {
      const others = (await this.#keys()).filter((key) => key !== this.#prefix + this.#id)
      const texts = others.length === 0 ? [] : await this.#redis.mget(others)
      return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as T]))
    } catch {
      return []
    }
  }

  /** A scan may give a key twice. */
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
