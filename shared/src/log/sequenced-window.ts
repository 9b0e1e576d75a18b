import type { SequencedReader } from './sequenced-reader.ts'

/** What is retained: records that are not older, nor further from the end in bytes. */
export interface RetentionWindow {
  readonly oldestMs: number
  readonly mostBytes: number
  /** Bytes of the whole log up to its end. */
  readonly endBytes: number
}

/**
 * The first offset from `floor` on, and at most `upTo`, whose record lies in the window: by bisection, for time and
 * bytes rise with the offset.
 */
export async function firstInWindow(
  reader: SequencedReader,
  floor: number,
  upTo: number,
  window: RetentionWindow,
  signal: AbortSignal,
): Promise<number> {
  const isBeyond = async (offset: number): Promise<boolean> => {
    const record = await reader.first(offset, upTo, signal)
    if (record === undefined) return false
    return record.timeMs < window.oldestMs || window.endBytes - record.bytesBefore > window.mostBytes
  }
  if (upTo <= floor || !(await isBeyond(floor))) return floor
  let beyond = floor
  let within = upTo
  while (within - beyond > 1) {
    const middle = Math.floor((beyond + within) / 2)
    if (await isBeyond(middle)) beyond = middle
    else within = middle
  }
  return within
}
