/** How often something comes through the whole way at least, whatever hosts say. */
export const HEARTBEAT_MS = 10_000
/** Where nothing has come through a stage for so long, the way is blocked before it or in it. */
const STALLED_MS = 60_000

/** How long ago something last came through a stage, in milliseconds; undefined: this process does not have it now. */
export type HeartbeatAges = Readonly<Record<string, number | undefined>>

/** Which stages nothing gets through, in words for /readyz; undefined: something gets through all. */
export function stalledText(ages: HeartbeatAges): string | undefined {
  const stalled = Object.entries(ages).filter(([, ms]) => ms !== undefined && ms > STALLED_MS)
  if (stalled.length === 0) return undefined
  const of = stalled.map(([stage, ms = 0]) => `${stage} (${Math.round(ms / 1_000)} s)`)
  return `nothing gets through: ${of.join(', ')}`
}
