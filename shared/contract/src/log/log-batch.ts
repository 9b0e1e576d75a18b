import { writeSeq } from '@bgs/protocol/frame/seq-slot.ts'
import { webSocketHeader, webSocketHeaderLength } from './websocket-header.ts'

/**
 * A batch is what the log appends at once: the facts of all its entries together at the head, then their frames
 * one after another as ready WebSocket messages. So a reader of facts (recovery, sequencer) touches no frame, and
 * serving is a range of bytes (invariant 16).
 *
 *   u8 version, 3 bytes zero, u32 count, u32 bytes of facts, u32 bytes of frames,
 *   count x { u32 bytes of the frame, u32 hash of the DID, u16 bytes of facts, u8 kind, u8 flags },
 *   facts, frames
 */
export const BATCH_VERSION = 1

const HEAD_BYTES = 16
const ENTRY_BYTES = 12

/** What an entry is, so that serving can filter and skip without parsing it. */
export const ENTRY_KINDS = ['quiet', '#commit', '#sync', '#identity', '#account'] as const
export type EntryKind = (typeof ENTRY_KINDS)[number]

export interface LogEntry {
  readonly kind: EntryKind
  /** Hash of the DID (`hashDid`); 0 where there is none. */
  readonly didHash: number
  /** Opaque to the log; at most 65,535 bytes. */
  readonly facts: Uint8Array
  /** Null for a quiet entry, which is never sent. */
  readonly frame: Uint8Array | null
  /** Where the nine bytes of seq begin in the frame. */
  readonly seqAt: number
}

/** Bytes that a batch of these entries will take. */
export function batchBytes(entries: readonly LogEntry[]): number {
  let bytes = HEAD_BYTES + entries.length * ENTRY_BYTES
  for (const entry of entries) {
    bytes += entry.facts.length
    if (entry.frame !== null) bytes += entry.frame.length + webSocketHeaderLength(entry.frame.length)
  }
  return bytes
}

/** Writes a batch into `into` at `at`; the i-th entry gets seq `firstSeq + i`. Returns the end. */
export function writeBatch(into: Buffer, at: number, entries: readonly LogEntry[], firstSeq: number): number {
  const factsAt = at + HEAD_BYTES + entries.length * ENTRY_BYTES
  let factsEnd = factsAt
  for (const entry of entries) {
    into.set(entry.facts, factsEnd)
    factsEnd += entry.facts.length
  }
  let end = factsEnd
  let slot = at + HEAD_BYTES
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as LogEntry
    const start = end
    if (entry.frame !== null) {
      end = webSocketHeader(into, end, entry.frame.length)
      into.set(entry.frame, end)
      writeSeq(into, end + entry.seqAt, firstSeq + i)
      end += entry.frame.length
    }
    into.writeUInt32LE(end - start, slot)
    into.writeUInt32LE(entry.didHash, slot + 4)
    into.writeUInt16LE(entry.facts.length, slot + 8)
    into[slot + 10] = ENTRY_KINDS.indexOf(entry.kind)
    into[slot + 11] = 0
    slot += ENTRY_BYTES
  }
  into.writeUInt32LE(BATCH_VERSION, at)
  into.writeUInt32LE(entries.length, at + 4)
  into.writeUInt32LE(factsEnd - factsAt, at + 8)
  into.writeUInt32LE(end - factsEnd, at + 12)
  return end
}

/** Reads a batch in place. Throws RangeError on a version it does not know: stop, never skip (invariant 17). */
export class LogBatch {
  readonly firstSeq: number
  readonly count: number
  readonly bytes: Buffer
  readonly #factsAt: number
  readonly #framesAt: number
  readonly framesBytes: number

  constructor(bytes: Buffer, firstSeq: number) {
    const version = bytes.readUInt32LE(0)
    if (version !== BATCH_VERSION)
      throw new RangeError(`log entry format ${version} at seq ${firstSeq} is not known here`)
    this.bytes = bytes
    this.firstSeq = firstSeq
    this.count = bytes.readUInt32LE(4)
    this.#factsAt = HEAD_BYTES + this.count * ENTRY_BYTES
    this.#framesAt = this.#factsAt + bytes.readUInt32LE(8)
    this.framesBytes = bytes.readUInt32LE(12)
  }

  get lastSeq(): number {
    return this.firstSeq + this.count - 1
  }

  kind(index: number): EntryKind {
    const kind = ENTRY_KINDS[this.bytes[HEAD_BYTES + index * ENTRY_BYTES + 10] as number]
    if (kind === undefined)
      throw new RangeError(`log entry ${this.firstSeq + index} is of a kind not known here`)
    return kind
  }

  didHash(index: number): number {
    return this.bytes.readUInt32LE(HEAD_BYTES + index * ENTRY_BYTES + 4)
  }

  frameBytes(index: number): number {
    return this.bytes.readUInt32LE(HEAD_BYTES + index * ENTRY_BYTES)
  }

  /** The facts of each entry in order. */
  *facts(): Generator<Buffer> {
    let at = this.#factsAt
    for (let i = 0; i < this.count; i++) {
      const end = at + this.bytes.readUInt16LE(HEAD_BYTES + i * ENTRY_BYTES + 8)
      yield this.bytes.subarray(at, end)
      at = end
    }
  }

  /** The facts of one entry. */
  factsOf(index: number): Buffer {
    let at = this.#factsAt
    for (let i = 0; i < index; i++) at += this.bytes.readUInt16LE(HEAD_BYTES + i * ENTRY_BYTES + 8)
    return this.bytes.subarray(at, at + this.bytes.readUInt16LE(HEAD_BYTES + index * ENTRY_BYTES + 8))
  }

  /** The payload of one entry's message; the entry must have a frame. */
  payload(index: number): Buffer {
    const message = this.frames(index, index + 1)
    const length = message[1] as number
    return message.subarray(length < 126 ? 2 : length === 126 ? 4 : 10)
  }

  /** The same entries with other messages: one for each, empty for an entry that is never sent. */
  withMessages(messages: readonly Buffer[]): LogBatch {
    const head = Buffer.from(this.bytes.subarray(0, this.#framesAt))
    for (const [i, message] of messages.entries())
      head.writeUInt32LE(message.length, HEAD_BYTES + i * ENTRY_BYTES)
    const frames = messages.reduce((sum, message) => sum + message.length, 0)
    head.writeUInt32LE(frames, 12)
    return new LogBatch(Buffer.concat([head, ...messages]), this.firstSeq)
  }

  /** WebSocket messages of the entries from `from` up to but not including `to`, ready to be written. */
  frames(from = 0, to = this.count): Buffer {
    if (from === 0 && to === this.count)
      return this.bytes.subarray(this.#framesAt, this.#framesAt + this.framesBytes)
    let at = this.#framesAt
    for (let i = 0; i < from; i++) at += this.frameBytes(i)
    let end = at
    for (let i = from; i < to; i++) end += this.frameBytes(i)
    return this.bytes.subarray(at, end)
  }
}
