import { RedisChannel } from '@bgs/cluster/redis/redis-channel.ts'
import { RedisDirectory } from '@bgs/cluster/redis/redis-directory.ts'
import type { SubscriberInfo, SubscriberList } from '@bgs/contract/subscribers.ts'
import type { Redis } from 'ioredis'

/** Subscribers of one node that are told of: those that are furthest behind. */
const MOST = 2_000

/**
 * The subscribers of all fan-out nodes: each node tells of its own in Redis, and hears there which to send away. While
 * Redis is away only this node's are known.
 */
export class SubscriberDirectory implements SubscriberList {
  readonly #directory: RedisDirectory<SubscriberInfo[]>
  readonly #own: SubscriberList
  readonly #channel: RedisChannel

  /** `node` names this process among all. */
  constructor(redis: Redis, prefix: string, node: string, own: SubscriberList) {
    this.#directory = new RedisDirectory(redis, `${prefix}consumers:`, node, async () =>
      [...(await own.list())].sort((a, b) => a.next - b.next).slice(0, MOST),
    )
    this.#own = own
    this.#channel = new RedisChannel(redis, `${prefix}disconnect`)
    this.#channel.listen((id) => void own.disconnect(id))
  }

  /** Tells of this node's subscribers until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void> {
    return this.#directory.run(signal)
  }

  async list(): Promise<readonly SubscriberInfo[]> {
    return [...(await this.#own.list()), ...(await this.#directory.others()).flat()]
  }

  async disconnect(id: string): Promise<void> {
    await this.#own.disconnect(id)
    this.#channel.send(id)
  }

  close(): void {
    this.#channel.close()
  }
}
