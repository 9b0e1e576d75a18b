/** How often something comes through the whole way at least, whatever hosts say. */
export const HEARTBEAT_MS = 10_000
/** Where nothing has come through a stage for so long, the way is blocked before it or in it. */
const STALLED_MS = 60_000
/** Where nothing has for so long in a process that leans on no other, it does not come right by itself. */
const STUCK_MS = 120_000

/** How long ago something last came through a stage, in milliseconds; undefined: this process does not have it now. */
export type HeartbeatAges = Readonly<Record<string, number | undefined>>

/** Which stages nothing gets through, in words for /readyz; undefined: something gets through all. */
export function stalledText(ages: HeartbeatAges): string | undefined {
  return stillFor(STALLED_MS, ages)
}

/** The same for /livez of a process that has all stages: a restart could help, for no server is waited for. */
export function stuckText(ages: HeartbeatAges): string | undefined {
  return stillFor(STUCK_MS, ages)
}

function stillFor(mostMs: number, ages: HeartbeatAges): string | undefined {
  const stalled = Object.entries(ages).filter(([, ms]) => ms !== undefined && ms > mostMs)
  if (stalled.length === 0) return undefined
  const of = stalled.map(([stage, ms = 0]) => `${stage} (${Math.round(ms / 1_000)} s)`)
  return `nothing gets through: ${of.join(', ')}`
}
