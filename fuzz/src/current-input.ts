/** Larger than any input. */
const CAPACITY = 8 * 1024 * 1024
const HEAD_INTS = 2

/** The input that a thread is at, for another one to see where that hangs or dies. */
export class CurrentInput {
  readonly memory: SharedArrayBuffer
  readonly #head: Int32Array
  readonly #bytes: Uint8Array

  constructor(memory = new SharedArrayBuffer(HEAD_INTS * 4 + CAPACITY)) {
    this.memory = memory
    this.#head = new Int32Array(memory, 0, HEAD_INTS)
    this.#bytes = new Uint8Array(memory, HEAD_INTS * 4)
  }

  /** How many there were. */
  get count(): number {
    return Atomics.load(this.#head, 0)
  }

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#head, 1))
  }

  set(input: Uint8Array): void {
    this.#bytes.set(input.subarray(0, CAPACITY))
    Atomics.store(this.#head, 1, Math.min(CAPACITY, input.length))
    Atomics.add(this.#head, 0, 1)
  }
}
