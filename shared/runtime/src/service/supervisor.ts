import { keepDoing } from './keep-doing.ts'
import type { Logger } from './logger.ts'

/**
 * Holds the promises that nobody awaits: loops that run as long as the process. One that rejects is a fault of our
 * own, and ends the process (style 13, 14).
 */
export class Supervisor {
  readonly signal: AbortSignal
  readonly #abort = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #fault = Promise.withResolvers<never>()
  readonly #log: Logger
  /** How often each part of the bookkeeping has failed. */
  readonly failures = new Map<string, number>()

  constructor(log: Logger) {
    this.#log = log
    this.signal = this.#abort.signal
    this.#fault.promise.catch(() => undefined)
  }

  /** Rejects with the first fault of a supervised task. */
  get fault(): Promise<never> {
    return this.#fault.promise
  }

  /** Takes over a promise; `name` is what the log says if it fails. */
  run(name: string, task: Promise<unknown>): void {
    const watched = task.then(
      () => undefined,
      (error: unknown) => {
        // What was asked to end, and could not end well, is no fault any more.
        if (this.signal.aborted)
          return this.#log.debug({ err: error, task: name }, 'a part of the relay was cut short')
        this.#log.fatal({ err: error, task: name }, 'a part of the relay failed')
        this.#fault.reject(error)
      },
    )
    this.#running.add(watched)
    watched.finally(() => this.#running.delete(watched)).catch(() => undefined)
  }

  /**
   * Takes over bookkeeping: where it fails it is begun anew (`keepDoing`), and the process goes on. `signal` ends it
   * before the supervisor does. Resolves when it has ended.
   */
  tend(
    name: string,
    task: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal = this.signal,
  ): Promise<void> {
    this.failures.set(name, this.failures.get(name) ?? 0)
    const onFailure = () => this.failures.set(name, (this.failures.get(name) ?? 0) + 1)
    const kept = keepDoing(name, task, { logger: this.#log, signal, onFailure })
    this.run(name, kept)
    return kept
  }

  /** Reports a fault found outside any task. */
  fail(error: unknown): void {
    this.#log.fatal({ err: error }, 'the relay failed')
    this.#fault.reject(error)
  }

  /** Asks all tasks to end. */
  end(): void {
    this.#abort.abort()
  }

  /** Asks all tasks to end and waits for them. */
  async stop(): Promise<void> {
    this.end()
    await Promise.all(this.#running)
  }
}
