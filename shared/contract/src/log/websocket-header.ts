/** Bytes before the payload of an unmasked WebSocket message of one frame (RFC 6455 5.2). */
export function webSocketHeaderLength(payload: number): number {
  return payload < 126 ? 2 : payload < 65_536 ? 4 : 10
}

/** Final, binary; and with the bit that says compressed (RFC 7692). */
const BINARY = 0x82
const COMPRESSED = 0x40

/** Writes the header of a final binary frame from server to client; returns where the payload begins. */
export function webSocketHeader(into: Buffer, at: number, payload: number, isCompressed = false): number {
  into[at] = isCompressed ? BINARY | COMPRESSED : BINARY
  if (payload < 126) {
    into[at + 1] = payload
    return at + 2
  }
  if (payload < 65_536) {
    into[at + 1] = 126
    into.writeUInt16BE(payload, at + 2)
    return at + 4
  }
  into[at + 1] = 127
  into.writeUInt32BE(0, at + 2)
  into.writeUInt32BE(payload, at + 6)
  return at + 10
}
