import type { BusEntry } from '@bgs/shared/bus/bus.ts'

/** Format of encoded positions; readers know this one and the one before, which named no generations (invariant 17). */
const VERSION = 2
const FORMER_VERSION = 1
/** Version, number of partitions, position of control, generations of verified and control; then of each partition. */
const HEAD_BYTES = 1 + 2 + 8 + 8 + 8
const FORMER_HEAD_BYTES = 1 + 2 + 8

/** Generations of the topics that positions are of (invariant 2). */
export interface InputGenerations {
  readonly verified: number
  readonly control: number
}

/**
 * Up to where each partition of `verified`, and `control`, has been taken: the position of the next entry. Written
 * with each append (invariant 9), so that a new leader goes on exactly behind what the log holds.
 */
export class InputPositions {
  control = 0
  readonly verified: number[]
  readonly #generations: InputGenerations

  private constructor(control: number, verified: number[], generations: InputGenerations) {
    this.control = control
    this.verified = verified
    this.#generations = generations
  }

  /**
   * Positions as they were encoded, in the topics as they are now: those of another generation count for nothing. All
   * at the beginning where there are none. Throws RangeError on a format it does not know.
   */
  static decode(bytes: Buffer | null, now: InputGenerations): InputPositions {
    if (bytes === null || bytes.length === 0) return new InputPositions(0, [], now)
    const version = bytes[0]
    if (version !== VERSION && version !== FORMER_VERSION)
      throw new RangeError(`input positions of format ${version} are not known here`)
    const former = version === FORMER_VERSION
    const of = former
      ? { verified: 1, control: 1 }
      : { verified: bytes.readDoubleLE(11), control: bytes.readDoubleLE(19) }
    const headBytes = former ? FORMER_HEAD_BYTES : HEAD_BYTES
    const count = of.verified === now.verified ? bytes.readUInt16LE(1) : 0
    const verified = Array.from({ length: count }, (_, i) => bytes.readDoubleLE(headBytes + i * 8))
    return new InputPositions(of.control === now.control ? bytes.readDoubleLE(3) : 0, verified, now)
  }

  encode(): Buffer {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + this.verified.length * 8)
    bytes[0] = VERSION
    bytes.writeUInt16LE(this.verified.length, 1)
    bytes.writeDoubleLE(this.control, 3)
    bytes.writeDoubleLE(this.#generations.verified, 11)
    bytes.writeDoubleLE(this.#generations.control, 19)
    for (let i = 0; i < this.verified.length; i++)
      bytes.writeDoubleLE(this.verified[i] ?? 0, HEAD_BYTES + i * 8)
    return bytes
  }

  takeVerified({ partition, position }: BusEntry<unknown>): void {
    while (this.verified.length <= partition) this.verified.push(0)
    this.verified[partition] = position + 1
  }

  takeControl({ position }: BusEntry<unknown>): void {
    this.control = position + 1
  }
}
