/**
 * Positions where one Kafka record holds several entries: offset × 4,096 + index (invariant 10). They rise within a
 * partition, and a position is that of the entry's place, whoever counts.
 */
export const ENTRIES_PER_RECORD = 4_096

export function positionOf(offset: number, index: number): number {
  return offset * ENTRIES_PER_RECORD + index
}

export function offsetOf(position: number): number {
  return Math.floor(position / ENTRIES_PER_RECORD)
}

export function indexOf(position: number): number {
  return position % ENTRIES_PER_RECORD
}
