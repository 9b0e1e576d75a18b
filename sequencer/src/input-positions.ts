import type { BusEntry } from '@bgs/contract/bus/bus.ts'

/** Format of encoded positions; readers know this one and the one before, which named no epochs (invariant 17). */
const VERSION = 3
const FORMER_VERSION = 2
/** Version, number of partitions, position of control, generations of verified and control; then of each partition. */
const HEAD_BYTES = 1 + 2 + 8 + 8 + 8
/** Position; then, behind all of them, epochs: of control, and of each partition. */
const POSITION_BYTES = 8
const EPOCH_BYTES = 4
const NO_EPOCH = -1

/** Generations of the topics that positions are of (invariant 2). */
export interface InputGenerations {
  readonly verified: number
  readonly control: number
}

/** Up to where a partition has been taken. */
export interface InputPosition {
  /** Of the next entry. */
  readonly next: number
  /** Kafka's epoch of the leader that the entry before it was written under, -1 where it is not known. */
  readonly epoch: number
}

const BEGINNING: InputPosition = { next: 0, epoch: NO_EPOCH }

/**
 * Up to where each partition of `verified`, and `control`, has been taken. Written with each append (invariant 9), so that
 * a new leader goes on exactly behind what the log holds.
 */
export class InputPositions {
  control: InputPosition
  readonly verified: InputPosition[]
  readonly #generations: InputGenerations

  private constructor(control: InputPosition, verified: InputPosition[], generations: InputGenerations) {
    this.control = control
    this.verified = verified
    this.#generations = generations
  }

  /**
   * Positions as they were encoded, in the topics as they are now: those of another generation count for nothing. All
   * at the beginning where there are none. Throws RangeError on a format it does not know.
   */
  static decode(bytes: Buffer | null, now: InputGenerations): InputPositions {
    if (bytes === null || bytes.length === 0) return new InputPositions(BEGINNING, [], now)
    const version = bytes[0]
    if (version !== VERSION && version !== FORMER_VERSION)
      throw new RangeError(`input positions of format ${version} are not known here`)
    const of = { verified: bytes.readDoubleLE(11), control: bytes.readDoubleLE(19) }
    const count = bytes.readUInt16LE(1)
    const epochsAt = HEAD_BYTES + count * POSITION_BYTES
    const epoch = (i: number) =>
      version === FORMER_VERSION ? NO_EPOCH : bytes.readInt32LE(epochsAt + i * EPOCH_BYTES)
    const verified = Array.from({ length: of.verified === now.verified ? count : 0 }, (_, i) => ({
      next: bytes.readDoubleLE(HEAD_BYTES + i * POSITION_BYTES),
      epoch: epoch(i + 1),
    }))
    const control = of.control === now.control ? { next: bytes.readDoubleLE(3), epoch: epoch(0) } : BEGINNING
    return new InputPositions(control, verified, now)
  }

  encode(): Buffer {
    const { length } = this.verified
    const epochsAt = HEAD_BYTES + length * POSITION_BYTES
    const bytes = Buffer.allocUnsafe(epochsAt + (length + 1) * EPOCH_BYTES)
    bytes[0] = VERSION
    bytes.writeUInt16LE(length, 1)
    bytes.writeDoubleLE(this.control.next, 3)
    bytes.writeDoubleLE(this.#generations.verified, 11)
    bytes.writeDoubleLE(this.#generations.control, 19)
    bytes.writeInt32LE(this.control.epoch, epochsAt)
    for (const [i, { next, epoch }] of this.verified.entries()) {
      bytes.writeDoubleLE(next, HEAD_BYTES + i * POSITION_BYTES)
      bytes.writeInt32LE(epoch, epochsAt + (i + 1) * EPOCH_BYTES)
    }
    return bytes
  }

  takeVerified({ partition, position, leaderEpoch }: BusEntry<unknown>): void {
    while (this.verified.length <= partition) this.verified.push(BEGINNING)
    this.verified[partition] = { next: position + 1, epoch: leaderEpoch ?? NO_EPOCH }
  }

  takeControl({ position, leaderEpoch }: BusEntry<unknown>): void {
    this.control = { next: position + 1, epoch: leaderEpoch ?? NO_EPOCH }
  }
}
