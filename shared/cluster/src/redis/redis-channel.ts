import type { Redis } from 'ioredis'
import { withHandlers } from './redis.ts'

/**
 * Messages to whoever listens at the moment. May be lost at any time: senders ask again when it matters, and who
 * waits for one looks on its own now and then.
 */
export class RedisChannel {
  readonly #redis: Redis
  readonly #name: string
  #subscriber: Redis | undefined

  constructor(redis: Redis, name: string) {
    this.#redis = redis
    this.#name = name
  }

  send(text: string): void {
    this.#redis.publish(this.#name, text).catch(() => undefined)
  }

  /** Hears what is sent from now on, over all reconnections. */
  listen(listener: (text: string) => void): void {
    // A connection that listens can do nothing else.
    const subscriber = withHandlers(
      this.#redis.duplicate({
        commandTimeout: 60_000,
        enableAutoPipelining: false,
        // It subscribes below, each time that it is ready.
        autoResubscribe: false,
      }),
    )
    this.#subscriber = subscriber
    subscriber.on('error', () => undefined)
    subscriber.on('ready', () => {
      subscriber.subscribe(this.#name).catch(() => undefined)
    })
    subscriber.on('message', (_channel, text) => listener(text))
  }

  close(): void {
    this.#subscriber?.disconnect()
  }
}
