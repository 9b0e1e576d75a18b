import { CID_BYTES } from './cid.ts'
import { BYTE_FALSE, BYTE_NULL, BYTE_TRUE, MAJOR_BYTES, MAJOR_MAP, MAJOR_TEXT, MAJOR_UINT } from './cursor.ts'

/** A growing buffer for the few things a relay writes; `at` is the length so far. Map keys are the caller's to sort. */
export type Writer = { bytes: Uint8Array; at: number }

const TEXT = new TextEncoder()

export function newWriter(capacity = 256): Writer {
  return { bytes: new Uint8Array(capacity), at: 0 }
}

/** Makes room for `more` bytes. */
export function reserve(writer: Writer, more: number): void {
  if (writer.bytes.length - writer.at >= more) return
  const grown = new Uint8Array(Math.max(writer.bytes.length * 2, writer.at + more))
  grown.set(writer.bytes.subarray(0, writer.at))
  writer.bytes = grown
}

/** A head in shortest form; `arg` up to 2^53-1. */
export function writeHead(writer: Writer, major: number, arg: number): void {
  reserve(writer, 9)
  const { bytes } = writer
  let { at } = writer
  const top = major << 5
  if (arg < 24) bytes[at++] = top | arg
  else if (arg < 0x100) {
    bytes[at++] = top | 24
    bytes[at++] = arg
  } else if (arg < 0x10000) {
    bytes[at++] = top | 25
    bytes[at++] = arg >> 8
    bytes[at++] = arg & 255
  } else if (arg < 0x1_0000_0000) {
    bytes[at++] = top | 26
    at = putUint32(bytes, at, arg)
  } else {
    bytes[at++] = top | 27
    at = putUint32(bytes, at, Math.floor(arg / 0x1_0000_0000))
    at = putUint32(bytes, at, arg % 0x1_0000_0000)
  }
  writer.at = at
}

/** Four bytes, most significant first. Returns the offset after them. */
export function putUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24
  bytes[at + 1] = (value >>> 16) & 255
  bytes[at + 2] = (value >>> 8) & 255
  bytes[at + 3] = value & 255
  return at + 4
}

export function writeMap(writer: Writer, count: number): void {
  writeHead(writer, MAJOR_MAP, count)
}

export function writeUint(writer: Writer, value: number): void {
  writeHead(writer, MAJOR_UINT, value)
}

export function writeText(writer: Writer, text: string): void {
  const encoded = TEXT.encode(text)
  writeHead(writer, MAJOR_TEXT, encoded.length)
  writeRaw(writer, encoded)
}

export function writeBytes(writer: Writer, content: Uint8Array): void {
  writeHead(writer, MAJOR_BYTES, content.length)
  writeRaw(writer, content)
}

export function writeBool(writer: Writer, value: boolean): void {
  reserve(writer, 1)
  writer.bytes[writer.at++] = value ? BYTE_TRUE : BYTE_FALSE
}

export function writeNull(writer: Writer): void {
  reserve(writer, 1)
  writer.bytes[writer.at++] = BYTE_NULL
}

/** A link: tag 42 around the 36 bytes with a zero before them. */
export function writeCid(writer: Writer, cid: Uint8Array): void {
  reserve(writer, 5 + CID_BYTES)
  const { bytes, at } = writer
  bytes[at] = 0xd8
  bytes[at + 1] = 42
  bytes[at + 2] = 0x58
  bytes[at + 3] = CID_BYTES + 1
  bytes[at + 4] = 0
  bytes.set(cid, at + 5)
  writer.at = at + 5 + CID_BYTES
}

/** Bytes as they are: encoded items from elsewhere. */
export function writeRaw(writer: Writer, encoded: Uint8Array): void {
  reserve(writer, encoded.length)
  writer.bytes.set(encoded, writer.at)
  writer.at += encoded.length
}

/** A copy of what was written. */
export function finish(writer: Writer): Uint8Array {
  return writer.bytes.slice(0, writer.at)
}
