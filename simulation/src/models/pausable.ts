import { AsyncLocalStorage } from 'node:async_hooks'

/** A server that may stand still, as after SIGSTOP: what is to happen in it waits, and keeps its order. */
export class Pausable {
  #late: (() => void)[] | undefined
  #hanging: NodeJS.Timeout | undefined

  /** Calls it now, or when it goes on. */
  whenAwake(code: () => void): void {
    if (this.#late === undefined) return code()
    // As part of the process that it belongs to, whoever lets the server go on.
    const asNow = AsyncLocalStorage.snapshot()
    this.#late.push(() => asNow(code))
  }

  pause(): void {
    this.#late ??= []
  }

  resume(): void {
    clearTimeout(this.#hanging)
    const late = this.#late ?? []
    this.#late = undefined
    for (const code of late) this.whenAwake(code)
  }

  /** Pauses for so long. */
  hang(ms: number): void {
    this.pause()
    clearTimeout(this.#hanging)
    this.#hanging = setTimeout(() => this.resume(), ms)
  }

  /** It is ended: what has waited never happens. */
  end(): void {
    clearTimeout(this.#hanging)
    this.#late = undefined
  }
}
