import { EVENT_TYPES } from './event-type.ts'
import type { RawEnvelope } from './raw.ts'
import { RecordReader } from './record-reader.ts'
import { RecordWriter } from './record-writer.ts'

/** Format of a record of `raw`; readers know this one (invariant 17). */
const VERSION = 1
const LENIENT = 1
const RELAYED = 2
const HEARTBEAT = 4
/** Bytes before the texts of one entry, and about those of its texts. */
const ABOUT_ENTRY_BYTES = 96

/**
 * Frames of one flush and partition in one Kafka record: what is known of all of them at the head, then their bytes
 * as they came.
 *
 *   u8 version, u32 count, count × { u32 bytes of the frame, u8 type, u8 flags, epoch, seq, time, DID, host }, frames
 */
export function encodeRawRecord(envelopes: readonly RawEnvelope[]): Buffer {
  const frames = envelopes.reduce((sum, { frame }) => sum + frame.length, 0)
  const writer = new RecordWriter(16 + frames + envelopes.length * ABOUT_ENTRY_BYTES)
  writer.u8(VERSION).u32(envelopes.length)
  for (const envelope of envelopes) {
    const { frame, type, epoch, seq, receivedMs, did, host } = envelope
    writer.u32(frame.length).u8(EVENT_TYPES.indexOf(type)).u8(flagsOf(envelope))
    writer.number(epoch).number(seq).number(receivedMs).latin1(did).latin1(host)
  }
  for (const { frame } of envelopes) writer.bytes(frame)
  return writer.written
}

/** Throws RangeError on a version it does not know, or bytes that are no such record. */
export function decodeRawRecord(record: Buffer): RawEnvelope[] {
  const reader = new RecordReader(record)
  const version = reader.u8()
  if (version !== VERSION) throw new RangeError(`records of raw of format ${version} are not known here`)
  const heads = Array.from({ length: reader.u32() }, () => {
    const bytes = reader.u32()
    const type = EVENT_TYPES[reader.u8()]
    if (type === undefined) throw new RangeError('a frame of a type not known here')
    const flags = reader.u8()
    const lenient = (flags & LENIENT) !== 0
    const relayed = (flags & RELAYED) !== 0
    const heartbeat = (flags & HEARTBEAT) === 0 ? {} : { isHeartbeat: true }
    const [epoch, seq, receivedMs] = [reader.number(), reader.number(), reader.number()]
    const [did, host] = [reader.latin1(), reader.latin1()]
    return { bytes, type, lenient, relayed, epoch, seq, receivedMs, did, host, ...heartbeat }
  })
  return heads.map(({ bytes, ...head }) => ({ ...head, frame: reader.bytes(bytes) }))
}

function flagsOf({ lenient, relayed = false, isHeartbeat = false }: RawEnvelope): number {
  return (lenient ? LENIENT : 0) | (relayed ? RELAYED : 0) | (isHeartbeat ? HEARTBEAT : 0)
}
