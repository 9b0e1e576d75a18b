import { ENTRIES_PER_RECORD } from '@bgs/contract/bus/position.ts'
import { RecordReader } from '@bgs/contract/envelope/record-reader.ts'
import { RecordWriter } from '@bgs/contract/envelope/record-writer.ts'
import { batchBytes, LogBatch, type LogEntry, writeBatch } from '@bgs/contract/log/log-batch.ts'

/** Format of a record of `sequenced`; readers know this one (invariant 17). */
const VERSION = 1
const HEAD_BYTES = 128
/** Behind the writer's name in the last record of its life. Readers of before take it for a part of the name. */
const LAST = '.'

/** Where numbering begins: seq is base + offset × 4,096 + index from offset `from` on (invariant 10). */
export interface SeqBase {
  readonly base: number
  readonly from: number
  /** Highest seq that was known when this base was chosen: cursors up to it belong to what was before. */
  readonly before: number
}

/** What a record says of itself, beside its batch. */
export interface SequencedHead {
  /** Tells one log from another: chosen at random when a log is begun. */
  readonly logId: string
  /** Of the writer's life; its first record is a bare head (invariant 6). */
  readonly generation: number
  /** Tells one writer from another of the same generation, should the database ever go back in time. */
  readonly writer: string
  /** Its writer's last one: it stopped as it was asked to, with nothing under way. */
  readonly isLast: boolean
  readonly base: SeqBase
  /** The offset that the writer meant it for. A record that stands elsewhere is void: its writer was no longer the one. */
  readonly offset: number
  /** Bytes of all records before it, since the log was begun. */
  readonly bytesBefore: number
  readonly timeMs: number
  /** Input positions as of this record. */
  readonly checkpoint: Buffer
}

export interface SequencedRecord extends SequencedHead {
  readonly batch: LogBatch
  /** Of the record in Kafka. */
  readonly bytes: number
}

/** Seq of the first entry at an offset. */
export function seqAt(base: SeqBase, offset: number): number {
  return base.base + offset * ENTRIES_PER_RECORD
}

/** Makes the value of one record; seq and WebSocket headers are final, for the offset is known. */
export function encodeSequenced(head: SequencedHead, entries: readonly LogEntry[]): Buffer {
  if (entries.length > ENTRIES_PER_RECORD) throw new RangeError(`${entries.length} entries in one record`)
  const writer = new RecordWriter(HEAD_BYTES + head.checkpoint.length)
  writer.u8(VERSION).latin1(head.logId).number(head.generation)
  writer.latin1(head.isLast ? head.writer + LAST : head.writer)
  writer.number(head.base.base).number(head.base.from).number(head.base.before)
  writer.number(head.offset).number(head.bytesBefore).number(head.timeMs)
  writer.u32(head.checkpoint.length).bytes(head.checkpoint)
  const front = writer.written
  const value = Buffer.allocUnsafe(front.length + batchBytes(entries))
  value.set(front)
  writeBatch(value, front.length, entries, seqAt(head.base, head.offset))
  return value
}

/** Reads a record; null where it is void. Throws RangeError on a format it does not know: stop, never skip. */
export function decodeSequenced(value: Buffer, offset: number): SequencedRecord | null {
  const reader = new RecordReader(value)
  const version = reader.u8()
  if (version !== VERSION)
    throw new RangeError(`records of sequenced of format ${version} are not known here`)
  const logId = reader.latin1()
  const generation = reader.number()
  const named = reader.latin1()
  const isLast = named.endsWith(LAST)
  const base = { base: reader.number(), from: reader.number(), before: reader.number() }
  const meant = reader.number()
  const bytesBefore = reader.number()
  const timeMs = reader.number()
  const checkpoint = reader.bytes(reader.u32())
  if (meant !== offset) return null
  const batch = new LogBatch(value.subarray(reader.at), seqAt(base, offset))
  return {
    logId,
    generation,
    writer: isLast ? named.slice(0, -LAST.length) : named,
    isLast,
    base,
    offset,
    bytesBefore,
    timeMs,
    checkpoint,
    batch,
    bytes: value.length,
  }
}
