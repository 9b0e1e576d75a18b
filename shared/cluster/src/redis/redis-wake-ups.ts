import type { WakeUps, WakeUpTopic } from '@bgs/contract/bus/wake-ups.ts'
import type { Redis } from 'ioredis'
import { RedisChannel } from './redis-channel.ts'

/** Wake-ups between the processes of a cluster. */
export class RedisWakeUps implements WakeUps {
  readonly #channel: RedisChannel
  readonly #listeners: { readonly topic: WakeUpTopic; readonly listener: () => void }[] = []

  constructor(redis: Redis, prefix: string) {
    this.#channel = new RedisChannel(redis, `${prefix}wake-ups`)
  }

  emit(topic: WakeUpTopic): void {
    this.#channel.send(topic)
  }

  on(topic: WakeUpTopic, listener: () => void): void {
    if (this.#listeners.length === 0)
      this.#channel.listen((text) => {
        for (const one of this.#listeners) if (one.topic === text) one.listener()
      })
    this.#listeners.push({ topic, listener })
  }

  close(): void {
    this.#channel.close()
  }
}
