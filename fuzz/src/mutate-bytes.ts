import type { Random } from '@bgs/simnet/random.ts'

/** Heads of CBOR items, lengths and HTTP's own signs: what a parser decides by. */
const TELLING = [
  0x00, 0x01, 0x0a, 0x0d, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x22, 0x2c, 0x3a, 0x3b, 0x40, 0x58, 0x59, 0x5a,
  0x5b, 0x5f, 0x60, 0x78, 0x7b, 0x7f, 0x80, 0x98, 0x9f, 0xa0, 0xb8, 0xbb, 0xbf, 0xd8, 0xf4, 0xf6, 0xf7, 0xf9,
  0xfb, 0xff,
]
const MAX_STEPS = 4
const MAX_RANGE = 64
/** Inputs do not grow from copy to copy. */
const MAX_BYTES = 1_000_000

type Step = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array

const STEPS: readonly Step[] = [
  (bytes, random) => changed(bytes, random, (byte) => byte ^ (1 << random.int(8))),
  (bytes, random) => changed(bytes, random, () => random.pick(TELLING)),
  (bytes, random) => changed(bytes, random, (byte) => (byte + (random.chance(0.5) ? 1 : 255)) & 0xff),
  (bytes, random) => changed(bytes, random, () => random.uint32() & 0xff),
  // Cut off, cut out, doubled, put in, moved.
  (bytes, random) => bytes.slice(0, random.int(bytes.length + 1)),
  (bytes, random) => {
    const [at, end] = range(bytes, random)
    return joined(bytes.subarray(0, at), bytes.subarray(end))
  },
  (bytes, random) => {
    const [at, end] = range(bytes, random)
    return joined(bytes.subarray(0, end), bytes.subarray(at))
  },
  (bytes, random) => {
    const at = random.int(bytes.length + 1)
    return joined(bytes.subarray(0, at), random.bytes(1 + random.int(MAX_RANGE)), bytes.subarray(at))
  },
  (bytes, random) => {
    const [at, end] = range(bytes, random)
    const rest = joined(bytes.subarray(0, at), bytes.subarray(end))
    const to = random.int(rest.length + 1)
    return joined(rest.subarray(0, to), bytes.subarray(at, end), rest.subarray(to))
  },
  // The head of one and the tail of another.
  (bytes, random, other) =>
    joined(bytes.subarray(0, random.int(bytes.length + 1)), other.subarray(random.int(other.length + 1))),
  (bytes, random, other) => {
    const [at, end] = range(other, random)
    const to = random.int(bytes.length + 1)
    return joined(bytes.subarray(0, to), other.subarray(at, end), bytes.subarray(to))
  },
]

/** A seed with some bytes changed, cut, doubled, moved, or taken from another seed. Now and then as it is. */
export function mutateBytes(seed: Uint8Array, random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  let bytes = Uint8Array.from(seed)
  for (let left = random.int(MAX_STEPS + 1); left > 0; left--)
    bytes = Uint8Array.from(random.pick(STEPS)(bytes, random, random.pick(seeds)).subarray(0, MAX_BYTES))
  return bytes
}

function changed(bytes: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  const at = random.int(bytes.length)
  const byte = bytes[at]
  if (byte !== undefined) bytes[at] = change(byte)
  return bytes
}

function range(bytes: Uint8Array, random: Random): [number, number] {
  const at = random.int(bytes.length + 1)
  return [at, Math.min(bytes.length, at + 1 + random.int(MAX_RANGE))]
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}
