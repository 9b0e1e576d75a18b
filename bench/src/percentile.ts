/** Of sorted values the least that so large a share of them does not exceed (nearest rank); NaN of none. */
export function percentile(sorted: readonly number[], share: number): number {
  const rank = Math.ceil(sorted.length * share)
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? Number.NaN
}
