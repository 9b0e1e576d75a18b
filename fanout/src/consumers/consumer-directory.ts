import { RedisChannel } from '@bgs/shared/redis/redis-channel.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import type { Redis } from 'ioredis'
import type { Consumer, Consumers } from './consumers.ts'

const TELL_EVERY_MS = 2_000
/** A node that has said nothing for so long has no subscribers any more. */
const EXPIRES_S = 10
/** Subscribers of one node that are told of: those that are furthest behind. */
const MOST = 2_000
const SCAN = 100

/**
 * The subscribers of all fan-out nodes: each node tells of its own in Redis, and hears there which to send away. While
 * Redis is away only this node's are known.
 */
export class ConsumerDirectory implements Consumers {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #node: string
  readonly #own: Consumers
  readonly #channel: RedisChannel

  /** `node` names this process among all. */
  constructor(redis: Redis, prefix: string, node: string, own: Consumers) {
    this.#redis = redis
    this.#prefix = `${prefix}consumers:`
    this.#node = node
    this.#own = own
    this.#channel = new RedisChannel(redis, `${prefix}disconnect`)
    this.#channel.listen((id) => void own.disconnect(id))
  }

  /** Tells of this node's subscribers until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const consumers = [...(await this.#own.list())].sort((a, b) => a.next - b.next).slice(0, MOST)
      await this.#redis
        .set(this.#prefix + this.#node, JSON.stringify(consumers), 'EX', EXPIRES_S)
        .catch(() => undefined)
      await wait(TELL_EVERY_MS, signal)
    }
  }

  async list(): Promise<readonly Consumer[]> {
    const own = await this.#own.list()
    try {
      const others = (await this.#keys()).filter((key) => key !== this.#prefix + this.#node)
      const texts = others.length === 0 ? [] : await this.#redis.mget(others)
      return [...own, ...texts.flatMap((text) => (text === null ? [] : (JSON.parse(text) as Consumer[])))]
    } catch {
      return own
    }
  }

  async disconnect(id: string): Promise<void> {
    await this.#own.disconnect(id)
    this.#channel.send(id)
  }

  close(): void {
    this.#channel.close()
  }

  async #keys(): Promise<string[]> {
    const found: string[] = []
    for (let cursor = '0'; ; ) {
      const [next, keys] = await this.#redis.scan(cursor, 'MATCH', `${this.#prefix}*`, 'COUNT', SCAN)
      found.push(...keys)
      if (next === '0') return found
      cursor = next
    }
  }
}
