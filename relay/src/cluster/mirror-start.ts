import { lastSeqOf } from '@bgs/cluster/log/kafka-log-state.ts'
import { SeqBases } from '@bgs/cluster/log/seq-bases.ts'
import type { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import type { SequencedRecord } from '@bgs/cluster/log/sequenced-record.ts'
import { LogTrimmedError, LogUnknownError } from '@bgs/contract/log/log.ts'
import { cutAbove } from '@bgs/embedded/log/cut-above.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import type { MirrorOptions } from './mirror-options.ts'

/** Records that a mirror may lack of what it is to serve at once: they are fetched within seconds … */
const MOST_LACKED = 4_096
/** … or this part of what it has: to fetch all of that again would take longer than it is worth. */
const MOST_LACKED_SHARE = 8

/** Where a mirror goes on in the log. */
interface StartsAt {
  readonly bases: SeqBases | undefined
  readonly next: number
  readonly floor: number
  readonly end: number
  readonly origin: number | undefined
  /** Offset from which on all records are here. */
  readonly bottom: number
}

/** The segments of a mirror on disk, and where it goes on. */
export interface Kept {
  readonly log: SegmentLog
  readonly at: StartsAt
  /** Seqs that were cut off, because the log does not have what stood under them. */
  readonly dropped: number
}

/** Opens what is on disk, if it can be gone on from. */
export async function openKept(options: MirrorOptions): Promise<Kept | undefined> {
  let log: SegmentLog
  try {
    log = await openSegments(options)
  } catch (error) {
    // Nothing of it was synced: a machine that lost its power may have written later parts and not earlier ones.
    if (error instanceof LogUnknownError) return undefined
    throw error
  }
  const { newest, floor, end } = await lookAtLog(options)
  const bases = newest && (await SeqBases.find(newest.base, floor, options.reader, options.signal))
  const dropped = await dropWhatDiffers(log, { bases, newest, end }, options)
  if (dropped > 0) log = await openSegments(options)
  const at = await findStart(log, { bases, floor, end }, options)
  if (at !== undefined) return { log, at, dropped }
  await log.close()
  return undefined
}

function openSegments({ segments }: MirrorOptions): Promise<SegmentLog> {
  return SegmentLog.open({ ...segments, generation: 1, seenPosition: 0, clean: true, sync: false })
}

/** Seq up to which a copy that ends with `seq` has what the log has, as far as their numbers go. */
function sharedUpTo(
  seq: number,
  { bases, newest, end }: { bases: SeqBases | undefined; newest: SequencedRecord | undefined; end: number },
): number {
  if (bases === undefined || newest === undefined) return seq
  const shared = bases.sharedUpTo(seq)
  return bases.offsetOf(shared) < end ? shared : Math.min(shared, lastSeqOf(newest))
}

async function lookAtLog({ reader, signal }: MirrorOptions) {
  const { floor, end } = await reader.bounds(signal)
  return { floor, end, newest: await reader.last(floor, end, signal) }
}

/**
 * Cuts off what the log has lost and this node still has: other nodes do not have it, and its events come again under other
 * seqs (invariant 15). How many seqs; then the log is closed.
 */
async function dropWhatDiffers(
  log: SegmentLog,
  found: { bases: SeqBases | undefined; newest: SequencedRecord | undefined; end: number },
  { segments, logger }: MirrorOptions,
): Promise<number> {
  const { first, next } = log.bounds()
  if (first === next) return 0
  const shared = sharedUpTo(next - 1, found) + 1
  if (shared >= next) return 0
  await log.close()
  await cutAbove(segments.disk, segments.folder, shared - 1)
  logger.error(
    { above: shared - 1, upTo: next - 1 },
    'the log has lost events that this node had served: they are dropped here, too, and come again under other seqs',
  )
  return next - shared
}

/** Where the mirror goes on in the log; undefined where what is on disk cannot be gone on from. */
async function findStart(
  log: SegmentLog,
  { bases, floor, end }: Pick<StartsAt, 'bases' | 'floor' | 'end'>,
  { reader, signal, from }: MirrorOptions,
): Promise<StartsAt | undefined> {
  const { first, next } = log.bounds()
  const wanted = Math.min(Math.max(floor, bases?.offsetOf(from) ?? floor), end)
  if (first === next) {
    const origin = wanted > floor ? await firstSeqFrom(floor, end, reader, signal) : undefined
    return { bases, next: wanted, floor, end, origin, bottom: wanted }
  }
  if (bases === undefined) return undefined
  const offset = bases.offsetOf(next - 1)
  if (offset < floor || offset >= end) return undefined
  const oldest = bases.offsetOf(first)
  // So far behind that to begin at the new end and to go backwards serves sooner.
  const lacked = wanted - (offset + 1)
  if (lacked > Math.max(MOST_LACKED, (offset + 1 - oldest) / MOST_LACKED_SHARE)) return undefined
  // By the bytes: another log may have the same seqs.
  const [newestHere] = await log.read(next - 1, 1)
  try {
    const record = await reader.first(offset, offset + 1, signal)
    if (record === undefined || newestHere?.bytes.equals(record.batch.bytes) !== true) return undefined
  } catch (error) {
    if (error instanceof LogTrimmedError) return undefined
    throw error
  }
  const origin = await firstSeqFrom(floor, end, reader, signal)
  // What stands before the log's first entry is nothing to be fetched.
  const bottom = origin !== undefined && origin >= first ? floor : oldest
  return { bases, next: offset + 1, floor, end, origin, bottom }
}

/** Seq of the first entry from an offset on; a writer's first record has none. */
async function firstSeqFrom(
  floor: number,
  end: number,
  reader: SequencedReader,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (let at = floor; ; ) {
    const record = await reader.first(at, end, signal)
    if (record === undefined || record.batch.count > 0) return record?.batch.firstSeq
    at = record.offset + 1
  }
}
