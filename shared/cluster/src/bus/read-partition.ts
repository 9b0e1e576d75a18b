import type { PartitionLag } from '@bgs/contract/bus/bus.ts'
import { offsetOf, positionOf } from '@bgs/contract/bus/position.ts'

/** A record whose entries were handed out, or wait to be. */
export interface OpenRecord {
  readonly offset: number
  /** When it was appended. */
  readonly timeMs: number
  readonly epoch: number
  /** Entries that are not done, and their bytes. */
  left: number
  bytes: number
}

/** One partition as a consumer reads it: what is fetched next, what is open, and up to where all is done. */
export interface ReadPartition {
  readonly number: number
  /** Offset fetched next. */
  next: number
  /** Entries below this position were taken before. */
  readonly from: number
  readonly open: OpenRecord[]
  /** Epoch of the record before `next`: where another follows, the topic may have lost its end in between. */
  epoch: number
  /** First entry that is not done, and the epoch of the record before its own. */
  position: number
  doneEpoch: number
  end: number
  assigned: boolean
  /** Since when it is asked for without any answer of a broker; undefined: it is not. */
  askedMs: number | undefined
}

/** A partition that is read from a position on; `epoch` is that of the record before it. */
export function readFrom(number: number, position: number, epoch: number): ReadPartition {
  const next = offsetOf(position)
  return {
    number,
    next,
    from: position,
    open: [],
    epoch,
    position,
    doneEpoch: epoch,
    end: next,
    assigned: true,
    askedMs: undefined,
  }
}

/** Lets go of the records at the front all of whose entries are done. */
export function advance(partition: ReadPartition): void {
  while (partition.open[0]?.left === 0) {
    const { offset, epoch } = partition.open.shift() as OpenRecord
    partition.position = positionOf(offset + 1, 0)
    partition.doneEpoch = epoch
  }
}

/** Records that are not done. */
export function lagOf({ end, position }: ReadPartition): number {
  return Math.max(0, end - offsetOf(position))
}

/** The same, and how old the oldest of them is. */
export function partitionLag(partition: ReadPartition): PartitionLag {
  return {
    partition: partition.number,
    records: lagOf(partition),
    oldestAgeMs: ageMs(partition.open[0]?.timeMs),
  }
}

/** By the wall clocks of two machines, of which the other's may be ahead. */
function ageMs(timeMs: number | undefined): number | undefined {
  return timeMs === undefined ? undefined : Math.max(0, Date.now() - timeMs)
}
