import type { ControlMessage } from './control.ts'

/** Format of a record of `control`; readers know this one (invariant 17). */
const VERSION = 1

/** Control messages that lie next to each other in one Kafka record; they are few, and read by people too. */
export function encodeControlRecord(messages: readonly ControlMessage[]): Buffer {
  return Buffer.from(JSON.stringify({ version: VERSION, messages }))
}

/** Throws RangeError on a version it does not know: stop, never skip. */
export function decodeControlRecord(record: Buffer): ControlMessage[] {
  const { version, messages } = JSON.parse(record.toString()) as {
    version: number
    messages: ControlMessage[]
  }
  if (version !== VERSION) throw new RangeError(`records of control of format ${version} are not known here`)
  return messages
}
