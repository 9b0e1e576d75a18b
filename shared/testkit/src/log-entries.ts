import type { LogReader } from '@bgs/contract/log/log.ts'
import type { LogBatch, LogEntry } from '@bgs/contract/log/log-batch.ts'
import type { LogSeen } from '@bgs/contract/log/log-seen.ts'

/** What a database knows that is new. */
export const NOTHING_SEEN: LogSeen = { logId: '', position: 0, generation: 0, base: 0 }

/** An entry whose bytes are told by `mark`: the frame has `bytes` bytes, of which nine are for seq. */
export function entryOf(mark: number, bytes = 40): LogEntry {
  const frame = Buffer.alloc(Math.max(bytes, 16), mark & 0xff)
  frame.writeUInt32LE(mark, 0)
  const facts = Buffer.alloc(8)
  facts.writeUInt32LE(mark, 0)
  return { kind: '#commit', didHash: mark, facts, frame, seqAt: 5 }
}

/** What a subscriber must be sent for an entry: built by hand from RFC 6455 5.2 and RFC 8949 3.1. */
export function messageOf(entry: LogEntry, seq: number): Buffer {
  const { frame, seqAt } = entry
  if (frame === null) return Buffer.alloc(0)
  const payload = Buffer.from(frame)
  payload[seqAt] = 0x1b
  payload.writeBigUInt64BE(BigInt(seq), seqAt + 1)
  const { length } = payload
  const size =
    length <= 125
      ? [length]
      : length <= 0xffff
        ? [126, length >> 8, length & 0xff]
        : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff)]
  return Buffer.concat([Buffer.from([0x82, ...size]), payload])
}

/** All batches from `from` on, asked for `maxBytes` at a time. */
export async function readAll(
  log: Pick<LogReader, 'read'>,
  from: number,
  maxBytes = 4_096,
): Promise<LogBatch[]> {
  const all: LogBatch[] = []
  for (let at = from; ; ) {
    const batches = await log.read(at, maxBytes)
    const last = batches.at(-1)
    if (last === undefined) return all
    all.push(...batches)
    at = last.lastSeq + 1
  }
}

/** Message and facts of every entry, by seq. */
export function entriesOf(batches: readonly LogBatch[]): Map<number, { message: Buffer; facts: Buffer }> {
  const entries = new Map<number, { message: Buffer; facts: Buffer }>()
  for (const batch of batches) {
    for (let i = 0; i < batch.count; i++)
      entries.set(batch.firstSeq + i, { message: batch.frames(i, i + 1), facts: batch.factsOf(i) })
  }
  return entries
}
