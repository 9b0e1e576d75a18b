/** Every figure is the median of so many runs. */
export const RUNS = 3

/** The one in the middle; of an even number the lower. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
}

/**
 * For each field the median over the runs, and the same for each field of an object in it; what is not a number once
 * where all agree, else all of it.
 */
export function medians<T extends object>(runs: readonly T[]): Record<string, unknown> {
  const [first] = runs
  if (first === undefined) return {}
  return Object.fromEntries(
    Object.entries(first).map(([key, value]) => {
      const all = runs.map((one) => (one as Record<string, unknown>)[key])
      if (typeof value === 'number') return [key, median(all as number[])]
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return [key, medians(all as object[])]
      return [key, all.every((one) => one === value) ? value : all]
    }),
  )
}

/** Rounded to so many places. */
export function round(value: number, places = 1): number {
  return Math.round(value * 10 ** places) / 10 ** places
}
