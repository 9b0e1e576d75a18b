/** What a wake-up is about: `hosts`, somebody asked for a crawl. */
export type WakeUpTopic = 'hosts'

/**
 * Says that something may be worth looking at now. A wake-up carries nothing and may be lost at any time: whoever
 * waits for one also looks on its own now and then.
 */
export interface WakeUps {
  emit(topic: WakeUpTopic): void
  on(topic: WakeUpTopic, listener: () => void): void
}

/** Wake-ups within one process. */
export class LocalWakeUps implements WakeUps {
  readonly #listeners = new Map<WakeUpTopic, (() => void)[]>()

  emit(topic: WakeUpTopic): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener()
  }

  on(topic: WakeUpTopic, listener: () => void): void {
    this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener])
  }
}
