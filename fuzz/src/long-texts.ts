import type { Random } from '@bgs/simnet/random.ts'
import { decodeFrame, encodeFrame } from '@bgs/simnet/wire.ts'

/** Lengths around those that a byte, two bytes, an index row of a database or a line can hold. */
const LENGTHS = [
  0, 1, 64, 65, 254, 255, 256, 2_047, 2_049, 2_704, 9_000, 65_534, 65_535, 65_536, 70_000, 300_000,
]
const LETTERS = ['x', '\0', 'ä', '\u{1f600}', '"', '\n']

/** The same frame with one of its texts made as long as is awkward for some encoder; else as it is. */
export function longTexts(seed: Uint8Array, random: Random): Uint8Array {
  let frame: { type: string; body: Record<string, unknown> }
  try {
    frame = decodeFrame(seed) as typeof frame
  } catch {
    return seed
  }
  const body = { ...frame.body }
  const fields = Object.keys(body).filter((key) => typeof body[key] === 'string')
  const field = random.chance(0.2) ? random.pick(['status', 'handle', 'name', 'new']) : random.pick(fields)
  if (field === undefined) return seed
  const before = typeof body[field] === 'string' && random.chance(0.3) ? body[field] : ''
  body[field] = `${before}${random.pick(LETTERS).repeat(random.pick(LENGTHS))}`
  return Uint8Array.from(encodeFrame(frame.type, body))
}
