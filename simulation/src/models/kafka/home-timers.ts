import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Timers of the cluster as a whole: they belong to whatever made the model, in the simulation its director, and outlive
 * the broker in whose process they are set. So a record goes on to the followers, and a session ends, though a broker dies.
 */
export class HomeTimers {
  readonly #atHome = AsyncLocalStorage.snapshot()

  /** Runs code after so many ms; 0: at once. */
  after(ms: number, code: () => void): void {
    if (ms <= 0) return code()
    this.#atHome(() => {
      setTimeout(code, ms).unref()
    })
  }
}
