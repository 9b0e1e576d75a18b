/**
 * Bounds what is under way at once, in all and for each key (here: the host whose frames ask), so that one host's
 * hanging names leave room for everyone else's. Waiters are served in order within a key, keys in turn.
 */
export class Slots {
  readonly #total: number
  readonly #perKey: number
  #busy = 0
  readonly #busyByKey = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(total: number, perKey: number) {
    this.#total = total
    this.#perKey = perKey
  }

  get busy(): number {
    return this.#busy
  }

  /** Who waits for a slot, over all keys. */
  get waiting(): number {
    let count = 0
    for (const queue of this.#waiting.values()) count += queue.length
    return count
  }

  /**
   * Resolves to true once there is a slot; the caller calls `release` with the same key. To false, and there is none, as
   * soon as `signal` is aborted: who no longer waits holds no place in the line.
   */
  async acquire(key: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    if (this.#fits(key)) {
      this.#start(key)
      return true
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const go = () => resolve(true)
    const leave = () => {
      this.#leave(key, go)
      resolve(false)
    }
    const queue = this.#waiting.get(key)
    if (queue === undefined) this.#waiting.set(key, [go])
    else queue.push(go)
    signal.addEventListener('abort', leave)
    const has = await promise
    signal.removeEventListener('abort', leave)
    return has
  }

  #leave(key: string, go: () => void): void {
    const queue = this.#waiting.get(key)?.filter((one) => one !== go) ?? []
    if (queue.length === 0) this.#waiting.delete(key)
    else this.#waiting.set(key, queue)
  }

  release(key: string): void {
    this.#busy--
    const left = (this.#busyByKey.get(key) ?? 1) - 1
    if (left === 0) this.#busyByKey.delete(key)
    else this.#busyByKey.set(key, left)
    for (const [next, queue] of this.#waiting) {
      if (this.#busy >= this.#total) return
      if (!this.#fits(next)) continue
      const resolve = queue.shift()
      // To the end of the line, behind the other keys.
      this.#waiting.delete(next)
      if (queue.length > 0) this.#waiting.set(next, queue)
      if (resolve === undefined) continue
      this.#start(next)
      resolve()
    }
  }

  #fits(key: string): boolean {
    return this.#busy < this.#total && (this.#busyByKey.get(key) ?? 0) < this.#perKey
  }

  #start(key: string): void {
    this.#busy++
    this.#busyByKey.set(key, (this.#busyByKey.get(key) ?? 0) + 1)
  }
}
