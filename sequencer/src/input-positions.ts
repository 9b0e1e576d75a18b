import type { BusEntry } from '@bgs/shared/bus/bus.ts'

/** Format of encoded positions; readers know this one (invariant 17). */
const VERSION = 1

/**
 * Up to where each partition of `verified`, and `control`, has been taken: the position of the next entry. Written
 * with each append (invariant 9), so that a new leader goes on exactly behind what the log holds.
 */
export class InputPositions {
  control = 0
  readonly verified: number[]

  private constructor(control: number, verified: number[]) {
    this.control = control
    this.verified = verified
  }

  /** Positions as they were encoded; all at the beginning where there are none. Throws RangeError on another format. */
  static decode(bytes: Buffer | null): InputPositions {
    if (bytes === null || bytes.length === 0) return new InputPositions(0, [])
    if (bytes[0] !== VERSION) throw new RangeError(`input positions of format ${bytes[0]} are not known here`)
    const verified = Array.from({ length: bytes.readUInt16LE(1) }, (_, i) => bytes.readDoubleLE(11 + i * 8))
    return new InputPositions(bytes.readDoubleLE(3), verified)
  }

  encode(): Buffer {
    const bytes = Buffer.allocUnsafe(11 + this.verified.length * 8)
    bytes[0] = VERSION
    bytes.writeUInt16LE(this.verified.length, 1)
    bytes.writeDoubleLE(this.control, 3)
    for (let i = 0; i < this.verified.length; i++) bytes.writeDoubleLE(this.verified[i] ?? 0, 11 + i * 8)
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
