import { newCursor, openCursor, readHead } from '../drisl/cursor.ts'
import { finish, newWriter, writeMap, writeRaw } from '../drisl/writer.ts'
import type { IdentityFrame } from './frame.ts'

const shared = newCursor()

/** The same #identity frame without its handle (protocol.md I1), unknown fields kept; scan it again for its offsets. */
export function withoutHandle(frame: Uint8Array, identity: IdentityFrame): Uint8Array {
  if (identity.handleAt < 0) return frame
  const cursor = openCursor(shared, frame, identity.payloadAt)
  readHead(cursor)
  const writer = newWriter(frame.length)
  writeRaw(writer, frame.subarray(0, identity.payloadAt))
  writeMap(writer, cursor.arg - 1)
  writeRaw(writer, frame.subarray(cursor.at, identity.handleAt))
  writeRaw(writer, frame.subarray(identity.handleEnd))
  return finish(writer)
}
