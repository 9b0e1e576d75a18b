import { wait } from '@bgs/runtime/service/wait.ts'
import type { StreamModel } from '@bgs/simnet/model.ts'
import type { Random } from '@bgs/simnet/random.ts'
import { StreamChecker } from '@bgs/simnet/stream-checker.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'

const RETRY_MS = 100

/** A subscriber that always comes back with its cursor, to whichever node it happens to reach. */
export class Follower {
  readonly checker: StreamChecker
  connections = 0
  readonly #urls: () => readonly string[]
  readonly #random: Random
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  #hopping = false

  constructor(model: StreamModel, urls: () => readonly string[], random: Random) {
    this.checker = new StreamChecker(model)
    this.#urls = urls
    this.#random = random
    this.#done = this.#follow()
  }

  /** Leaves the node it is at: it will reach another. */
  hop(): void {
    this.#hopping = true
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const urls = this.#urls()
      if (urls.length > 0) await this.#connect(this.#random.pick([...urls])).catch(() => undefined)
      await wait(RETRY_MS, signal)
    }
  }

  async #connect(url: string): Promise<void> {
    const { checker } = this
    const subscriber = await CheckingSubscriber.connect({ url, checker, cursor: checker.lastSeq })
    this.connections++
    this.#hopping = false
    while (subscriber.closed === null && !this.#hopping && !this.#stop.signal.aborted)
      await wait(50, this.#stop.signal)
    await subscriber.close()
  }
}
