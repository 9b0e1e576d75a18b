import { randomBytes } from 'node:crypto'
import { type LogBounds, LogForeignError } from './log.ts'
import { baseAbove, SeqBases } from './seq-bases.ts'
import type { SequencedReader } from './sequenced-reader.ts'

/** What the database knows of the log: its id, '' for none; and the highest position it has seen, 0 for none. */
export interface LogSeen {
  readonly logId: string
  readonly position: number
}

/** What stands in the topic, and how a writer goes on there. */
export interface KafkaLogState {
  readonly logId: string
  /** The newest one is that of the next record. */
  readonly bases: SeqBases
  /** Input positions as of the last record; null where there is none. */
  readonly checkpoint: Buffer | null
  /** First retained offset, and the one behind the last committed record. */
  readonly floor: number
  readonly end: number
  /** Of all records since the log was begun. */
  readonly bytes: number
}

/**
 * Reads what the topic holds and where a writer would go on (invariant 10). Writes nothing. Throws LogForeignError where
 * it is not the log that the database is a view of.
 */
export async function readLogState(
  reader: SequencedReader,
  seen: LogSeen,
  signal: AbortSignal,
): Promise<KafkaLogState> {
  const { floor, end } = await reader.bounds(signal)
  const last = await reader.last(floor, end, signal)
  if (last === undefined) {
    const bases = new SeqBases([baseAbove(seen.position, end)])
    return { logId: randomBytes(8).toString('hex'), bases, checkpoint: null, floor: end, end, bytes: 0 }
  }
  const bases = await SeqBases.find(last.base, floor, reader, signal)
  const bytes = last.bytesBefore + last.bytes
  const { logId, checkpoint } = last
  if (seen.position < bases.seqOf(end)) {
    // A log that was begun above all that the database has seen goes on from it, whatever id was noted before: of two
    // that began it at once, one noted its own last and wrote nothing.
    const goesOn = seen.logId === '' || seen.logId === logId || seen.position <= bases.oldest.before
    if (goesOn) return { logId, bases, checkpoint, floor, end, bytes }
    throw new LogForeignError(
      `the topic ${reader.topic} holds the log ${logId}, the database knows ${seen.logId}: they do not belong together. ` +
        `Give this relay the topics of its database, or an empty database, or another RELAY_KAFKA_TOPIC_PREFIX`,
    )
  }
  // The log ends below what was seen: it lost its end. No seq that may have been served is used again.
  return { logId, bases: bases.with(baseAbove(seen.position, end)), checkpoint, floor, end, bytes }
}

/** Which seqs a log with these bases retains, from offset `floor` up to but not including `next`. */
export function boundsOf(bases: SeqBases, floor: number, next: number): LogBounds {
  const { oldest } = bases
  const trimmed = floor > oldest.from
  const first = trimmed || oldest.before === 0 ? bases.seqOf(floor) : oldest.before + 1
  return { first, next: bases.seqOf(next), evicted: trimmed || oldest.before > 0 }
}
