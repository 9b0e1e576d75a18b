import { randomBytes } from 'node:crypto'
import { FIRST_SEQ, GAP_AFTER_LOSS, type LogBounds, LogMismatchError } from '@bgs/contract/log/log.ts'
import type { LogSeen } from '@bgs/contract/log/log-seen.ts'
import { baseFrom, SeqBases } from './seq-bases.ts'
import type { SequencedReader } from './sequenced-reader.ts'
import { type SequencedRecord, seqAt } from './sequenced-record.ts'

/**
 * Seqs left out at a start after anything but a clean end: those of 65,536 records. What Kafka may have lost unnoticed lies
 * above what the database has, which is never more than some seconds behind (invariant 6), and an append takes a
 * millisecond at least. 2^53 has room for 33 million such starts.
 */
export const GAP_AFTER_CRASH = 2 ** 28

/** What stands in the topic, and how a writer goes on there. */
export interface KafkaLogState {
  readonly logId: string
  /** The newest one is that of the next record. */
  readonly bases: SeqBases
  /** Those of the records that are there. */
  readonly found: SeqBases
  /** Input positions as of the last record; null where there is none. */
  readonly checkpoint: Buffer | null
  /** First retained offset, and the one behind the last committed record. */
  readonly floor: number
  readonly end: number
  /** Of all records since the log was begun. */
  readonly bytes: number
  /** Seqs left out here; 0 behind a clean end. */
  readonly gap: number
  /** Time of the last record; undefined where there is none. */
  readonly lastMs: number | undefined
}

/**
 * Reads what the topic holds and where a writer would go on (invariant 10). Writes nothing. Throws LogMismatchError where
 * it is not the log that the database is a view of.
 *
 * Kafka may lose fewer records than the database lags behind, which leaves no trace:
 *
 * 1. ten records are appended and served; the database has the first six
 * 2. the broker's machine loses its power, and with it the last two
 * 3. the next writer finds eight, and the database agrees with all of them
 *
 * So only behind a clean end numbering goes on without a gap: the last record says that it is its writer's last one, and
 * the database knows of no later writer. `tried` is what this writer
 * found before and could not go on from: it may have written itself since.
 */
export async function readLogState(
  reader: SequencedReader,
  seen: LogSeen,
  tried: KafkaLogState | undefined,
  signal: AbortSignal,
): Promise<KafkaLogState> {
  const { floor, end } = await reader.bounds(signal)
  const last = await reader.last(floor, end, signal)
  if (last === undefined) {
    const known = Math.max(seen.position, seen.base)
    const first = known === 0 ? FIRST_SEQ : known + 1 + GAP_AFTER_LOSS
    const bases = new SeqBases([baseFrom(first, end, seen.position)])
    return {
      logId: randomBytes(8).toString('hex'),
      bases,
      found: bases,
      checkpoint: null,
      floor: end,
      end,
      bytes: 0,
      gap: 0,
      lastMs: undefined,
    }
  }
  const bases = await SeqBases.find(last.base, floor, reader, signal, tried?.found)
  const { logId, checkpoint, timeMs: lastMs } = last
  const found = { logId, checkpoint, found: bases, floor, end, bytes: last.bytesBefore + last.bytes, lastMs }
  const next = bases.seqOf(end)
  if (seen.position < next) {
    if (seen.logId !== '' && seen.logId !== logId && !(await isBegunAbove(seen, reader, floor, end, signal)))
      throw new LogMismatchError(
        `the topic ${reader.topic} holds the log ${logId}, the database knows ${seen.logId}: they do not belong together. ` +
          `Give this relay the topics of its database, or an empty database, or another RELAY_KAFKA_TOPIC_PREFIX`,
      )
    if (tried === undefined && last.isLast && last.offset === end - 1 && last.generation >= seen.generation)
      return { ...found, bases, gap: 0 }
  }
  // It may have lost its end, or has: no seq that may have been served is used again.
  const gap = seen.position < next ? GAP_AFTER_CRASH : GAP_AFTER_LOSS
  const ofBase = seen.logId === logId ? seqAt({ ...last.base, base: seen.base }, end) : 0
  const first = Math.max(next, seen.position + 1, ofBase) + gap
  const before = Math.max(seen.position, lastSeqOf(last))
  return { ...found, bases: bases.with(baseFrom(first, end, before)), gap }
}

/**
 * Whether the log was begun above all that the database has seen: then it goes on from it, whatever id was noted before. Of
 * two that began it at once, one noted its own last and wrote nothing.
 */
async function isBegunAbove(
  { position }: LogSeen,
  reader: SequencedReader,
  floor: number,
  end: number,
  signal: AbortSignal,
): Promise<boolean> {
  const first = await reader.first(floor, end, signal)
  return first !== undefined && first.bytesBefore === 0 && position <= first.base.before
}

/** Highest seq that may have been given up to a record, itself included. */
export function lastSeqOf({ batch, base, offset }: SequencedRecord): number {
  return batch.count > 0 ? batch.lastSeq : seqAt(base, offset) - 1
}

/** Which seqs a log with these bases retains, from offset `floor` up to but not including `next`. */
export function boundsOf(bases: SeqBases, floor: number, next: number): LogBounds {
  const { oldest } = bases
  const trimmed = floor > oldest.from
  const first = trimmed || oldest.before === 0 ? bases.seqOf(floor) : oldest.before + 1
  return { first, next: bases.seqOf(next), evicted: trimmed || oldest.before > 0 }
}
