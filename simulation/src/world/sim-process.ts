import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scheduler } from './scheduler.ts'

/** The wall clock of the world's first moment. */
const EPOCH_MS = Date.UTC(2026, 0, 1)

interface Due {
  readonly code: () => void
  isCancelled: boolean
}

/**
 * A process of the world: all that it begins (timers, sockets, writes) is its own, and ends with it. Which process runs is
 * told by the asynchronous context, so that the product's code need not know.
 */
export class SimProcess {
  static readonly #current = new AsyncLocalStorage<SimProcess>()
  readonly name: string
  readonly scheduler: Scheduler
  readonly bornMs: number
  /** What its machine's wall clock is off by. */
  wallOffsetMs = 0
  isAlive = true
  /** Called once when it is killed, in this order, before anything else hears of it. What ends before is to be taken out. */
  readonly onKill = new Set<() => void>()
  #pausedUntilMs = 0
  /** What has fallen into a pause. */
  readonly #late: Due[] = []

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.scheduler = scheduler
    this.bornMs = scheduler.nowMs
  }

  /** The process whose code runs now. */
  static get current(): SimProcess | undefined {
    return SimProcess.#current.getStore()
  }

  /** Runs code as this process's. */
  run<T>(code: () => T): T {
    return SimProcess.#current.run(this, code)
  }

  get monotonicMs(): number {
    return this.scheduler.nowMs - this.bornMs
  }

  get wallMs(): number {
    return EPOCH_MS + this.scheduler.nowMs + this.wallOffsetMs
  }

  /**
   * Lets code run as this process's at a moment; never once it was killed. What falls into a pause waits for its end, and
   * keeps its order.
   */
  at(atMs: number, code: () => void): { cancel(): void } {
    const due: Due = { code, isCancelled: false }
    const happening = this.scheduler.at(atMs, () => {
      if (this.scheduler.nowMs < this.#pausedUntilMs || this.#late.length > 0) this.#defer(due)
      else this.#do(due)
    })
    return {
      cancel: () => {
        happening.isCancelled = true
        due.isCancelled = true
      },
    }
  }

  /** Nothing of it runs for so long, as after SIGSTOP. */
  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.scheduler.nowMs + ms)
  }

  #do({ code, isCancelled }: Due): void {
    if (this.isAlive && !isCancelled) this.run(code)
  }

  #defer(due: Due): void {
    this.#late.push(due)
    if (this.#late.length === 1) this.scheduler.at(this.#pausedUntilMs, () => this.#goOn())
  }

  /** One at a time, for promises have to come to rest in between. */
  #goOn(): void {
    const { scheduler } = this
    if (scheduler.nowMs < this.#pausedUntilMs) {
      scheduler.at(this.#pausedUntilMs, () => this.#goOn())
      return
    }
    const due = this.#late[0]
    if (due === undefined) return
    this.#do(due)
    this.#late.shift()
    if (this.#late.length > 0) scheduler.at(scheduler.nowMs, () => this.#goOn())
  }

  /** As SIGKILL does: nothing of it runs any more. */
  kill(): void {
    if (!this.isAlive) return
    this.isAlive = false
    for (const end of this.onKill) end()
    this.onKill.clear()
  }
}
