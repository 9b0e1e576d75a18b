import type { WireReader } from '@bgs/cluster/kafka/wire-reader.ts'
import type { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'

/** An array as the older versions write it, with an int32 in front. */
export function writeArray<T>(into: WireWriter, items: readonly T[], write: (item: T) => void): void {
  into.int32(items.length)
  for (const item of items) write(item)
}

/** An array as the flexible versions write it (KIP-482). */
export function writeCompact<T>(into: WireWriter, items: readonly T[], write: (item: T) => void): void {
  into.uvarint(items.length + 1)
  for (const item of items) write(item)
}

/** 16 bytes, given as hex. */
export function writeId(into: WireWriter, hex: string): void {
  const bytes = Buffer.from(hex, 'hex')
  for (let at = 0; at < 16; at += 4) into.int32(bytes.readInt32BE(at))
}

/** An array that may be none; undefined then. */
export function readNullable<T>(from: WireReader, read: () => T): T[] | undefined {
  const count = from.int32()
  return count < 0 ? undefined : Array.from({ length: count }, read)
}
