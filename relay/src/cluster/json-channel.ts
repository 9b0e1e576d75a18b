import { RedisChannel } from '@bgs/cluster/redis/redis-channel.ts'
import type { Redis } from 'ioredis'
import type { z } from 'zod'

/** Messages of one shape to whoever listens; may be lost at any time, and what has another shape is passed over. */
export class JsonChannel<T> {
  readonly #channel: RedisChannel
  readonly #schema: z.ZodType<T>

  constructor(redis: Redis, name: string, schema: z.ZodType<T>) {
    this.#channel = new RedisChannel(redis, name)
    this.#schema = schema
  }

  send(message: T): void {
    this.#channel.send(JSON.stringify(message))
  }

  /** Hears what is sent from now on. */
  listen(listener: (message: T) => void): void {
    this.#channel.listen((text) => {
      const message = this.#read(text)
      if (message !== undefined) listener(message)
    })
  }

  close(): void {
    this.#channel.close()
  }

  #read(text: string): T | undefined {
    try {
      return this.#schema.parse(JSON.parse(text))
    } catch {
      return undefined
    }
  }
}
