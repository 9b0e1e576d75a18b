import type { Reading } from './answers.ts'

type Labels = Readonly<Record<string, string>>

/** The sum of a figure over all of its labels, or those named. */
export function total(reading: Reading, name: string, where: Labels = {}): number {
  const wanted = Object.entries(where)
  let sum = 0
  for (const { labels, value } of reading.figures[name] ?? [])
    if (wanted.every(([key, label]) => labels[key] === label)) sum += value
  return sum
}

/**
 * How fast a counter grows, per second. A process that began anew begins to count anew: what then would be less than
 * nothing is nothing.
 */
export function rate(before: Reading, now: Reading, name: string, where: Labels = {}): number {
  const seconds = (now.nowMs - before.nowMs) / 1_000
  if (seconds <= 0) return 0
  return Math.max(0, total(now, name, where) - total(before, name, where)) / seconds
}

/** How fast a counter grows for each value of a label, the fastest first; those that stand still are left out. */
export function ratesBy(before: Reading, now: Reading, name: string, label: string): [string, number][] {
  const values = new Set((now.figures[name] ?? []).map(({ labels }) => labels[label] ?? ''))
  return [...values]
    .map((value): [string, number] => [value, rate(before, now, name, { [label]: value })])
    .filter(([, perSecond]) => perSecond > 0)
    .sort(([, a], [, b]) => b - a)
}

/**
 * A quantile of what a histogram saw between two readings, in its unit; undefined where it saw nothing. Within a bucket
 * it is taken to be spread evenly.
 */
export function quantile(before: Reading, now: Reading, name: string, q: number): number | undefined {
  const bounds = [...new Set((now.figures[`${name}_bucket`] ?? []).map(({ labels }) => labels['le'] ?? ''))]
    .map((le) => ({ le, bound: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le) }))
    .sort((a, b) => a.bound - b.bound)
  const counts = bounds.map(({ le }) => {
    const grown = total(now, `${name}_bucket`, { le }) - total(before, `${name}_bucket`, { le })
    return Math.max(0, grown)
  })
  const wanted = (counts.at(-1) ?? 0) * q
  if (wanted === 0) return undefined
  const at = counts.findIndex((count) => count >= wanted)
  const lower = bounds[at - 1]?.bound ?? 0
  const upper = bounds[at]?.bound ?? 0
  if (upper === Number.POSITIVE_INFINITY) return lower
  const below = counts[at - 1] ?? 0
  const here = (counts[at] ?? 0) - below
  return lower + ((upper - lower) * (wanted - below)) / here
}
