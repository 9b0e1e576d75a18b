import { hash } from 'node:crypto'
import { encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'

/** A block with its binary CID. */
export type Block = { cid: Uint8Array; bytes: Uint8Array }

/** The block of these bytes; the codec is DRISL unless told otherwise. */
export function block(bytes: Uint8Array, codec = 0x71): Block {
  return { cid: Uint8Array.of(1, codec, 0x12, 0x20, ...hash('sha256', bytes, 'buffer')), bytes }
}

/** The block of a value, encoded by the reference. */
export function blockOf(value: unknown): Block {
  return block(encode(value))
}

/** A CID as the reference encoder wants it. */
export function linkTo(cid: Uint8Array): CID {
  return CID.decode(cid)
}

/** A CAR of these roots and blocks, in this order, whatever they are. */
export function carOf(roots: Uint8Array[], blocks: Block[], version = 1): Uint8Array {
  const header = encode({ roots: roots.map(linkTo), version })
  const parts: Uint8Array[] = [varint(header.length), header]
  for (const { cid, bytes } of blocks) parts.push(varint(cid.length + bytes.length), cid, bytes)
  return Uint8Array.from(Buffer.concat(parts))
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest & 127) | 128)
    rest >>>= 7
  }
  return Uint8Array.of(...bytes, rest)
}
