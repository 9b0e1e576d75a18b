/** Something that is to happen at a moment of virtual time. */
export interface Happening {
  readonly atMs: number
  /** Those of one moment happen in the order in which they were made. */
  readonly order: number
  readonly run: () => void
  isCancelled: boolean
}

/** Node's own, before anything took its place: lets promises and `process.nextTick` come to rest between two happenings. */
const nextTurn = globalThis.setImmediate
/** So many happenings without time going on are a loop that would never end. */
const MOST_AT_ONCE = 2_000_000

/** Nothing is left that could ever happen, and what was waited for has not come. */
export class StandstillError extends Error {
  override name = 'StandstillError'
}

/**
 * Virtual time: it stands still while something runs, and jumps to the moment of what comes next. All that waits is in one
 * heap, so one seed gives one history.
 */
export class Scheduler {
  /** Since the world began. */
  nowMs = 0
  /** Happenings so far. */
  steps = 0
  readonly #heap: Happening[] = []
  #order = 0

  at(atMs: number, run: () => void): Happening {
    const one = { atMs: Math.max(atMs, this.nowMs), order: ++this.#order, run, isCancelled: false }
    this.#heap.push(one)
    this.#up(this.#heap.length - 1)
    return one
  }

  /** Runs until the promise is settled. Throws what it is rejected with, and StandstillError. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settled = () => {
      isSettled = true
    }
    promise.then(settled, settled)
    await new Promise<void>((resolve, reject) => {
      let lastMs = this.nowMs
      let atOnce = 0
      const turn = () => {
        try {
          if (isSettled) return resolve()
          const next = this.#next()
          if (next === undefined) throw new StandstillError('nothing is left that could happen')
          atOnce = next.atMs === lastMs ? atOnce + 1 : 0
          if (atOnce > MOST_AT_ONCE) throw new StandstillError(`time stands still at ${lastMs} ms`)
          lastMs = next.atMs
          this.nowMs = next.atMs
          this.steps++
          next.run()
        } catch (error) {
          return reject(error)
        }
        nextTurn(turn)
      }
      nextTurn(turn)
    })
    return promise
  }

  #next(): Happening | undefined {
    for (;;) {
      const [first] = this.#heap
      const last = this.#heap.pop()
      if (first === undefined || last === undefined) return undefined
      if (this.#heap.length > 0) {
        this.#heap[0] = last
        this.#down()
      }
      if (!first.isCancelled) return first
    }
  }

  #up(start: number): void {
    const heap = this.#heap
    const one = heap[start] as Happening
    let i = start
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(one, heap[parent] as Happening)) break
      heap[i] = heap[parent] as Happening
      i = parent
    }
    heap[i] = one
  }

  #down(): void {
    const heap = this.#heap
    const one = heap[0] as Happening
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++
      if (!isBefore(heap[child] as Happening, one)) break
      heap[i] = heap[child] as Happening
      i = child
    }
    heap[i] = one
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
