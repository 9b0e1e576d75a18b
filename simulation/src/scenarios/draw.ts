import type { Random } from '@bgs/simnet/random.ts'

/** One of these. Of a single one nothing is drawn. Throws RangeError where there is none. */
export function pickOne<T>(items: readonly T[], random: Random): T {
  const [only] = items
  return items.length === 1 ? (only as T) : random.pick(items)
}

/** Chance as models take it: 0 or more, below 1. */
export function chanceOf(random: Random): () => number {
  return () => random.float()
}
