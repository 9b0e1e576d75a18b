/** Wakes the one loop that waits at it; a ring while nobody waits is kept. */
export class Notify {
  #rung = false
  #wake: (() => void) | undefined

  readonly notify = (): void => {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves at the next ring, at once if it rang since the last wait; or after `ms`, or when `signal` is aborted. Whether it rang. */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal.addEventListener('abort', done)
        this.#wake = done
      })
      this.#wake = undefined
    }
    const hasRung = this.#rung
    this.#rung = false
    return hasRung
  }
}
