import type { SegmentExtent } from './segments.ts'

/**
 * Bytes of the log between a subscriber's next seq and the end, about: within the segment that it reads they are taken to
 * be spread evenly.
 */
export function bytesBehind(segments: readonly SegmentExtent[], next: number, end: number): number {
  let behind = 0
  for (const [i, { firstSeq, end: bytes }] of segments.entries()) {
    const lastSeq = segments[i + 1]?.firstSeq ?? end
    const span = lastSeq - firstSeq
    if (span > 0) behind += bytes * Math.min(1, Math.max(0, lastSeq - next) / span)
  }
  return Math.round(behind)
}
