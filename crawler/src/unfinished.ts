import { registrableDomain } from '@bgs/runtime/net/registrable-domain.ts'

/** Bytes of messages that hosts have begun and not finished, over all hosts of a process; they lie in memory meanwhile. */
export const UNFINISHED_BYTES = 64 * 1024 * 1024
const CLOSE_DOWN_TO_SHARE = 0.75
/** A message has to be finished within this time: at the size limit (W7) that is 17 KB a second. */
export const UNFINISHED_MS = 300_000

/** What one host has begun and not finished. */
export interface Unfinished {
  readonly host: string
  readonly bytes: number
  /** Since its last message. */
  readonly ageMs: number
}

/**
 * Hosts whose connections have to be closed: those that take too long over a message, and, where all together hold too
 * much, the heaviest host of the heaviest registrable domain, and so on, until enough is given back.
 */
export function tooUnfinished(all: readonly Unfinished[]): string[] {
  const late = all.filter(({ ageMs }) => ageMs > UNFINISHED_MS).map(({ host }) => host)
  let left = all.reduce((sum, { bytes }) => sum + bytes, 0)
  if (left <= UNFINISHED_BYTES) return late
  const domains = Map.groupBy(all, ({ host }) => registrableDomain(host))
  const byWeight = [...domains.values()].map((hosts) => ({
    bytes: hosts.reduce((sum, { bytes }) => sum + bytes, 0),
    hosts: hosts.toSorted((a, b) => a.bytes - b.bytes),
  }))
  const closed = new Set(late)
  while (left > UNFINISHED_BYTES * CLOSE_DOWN_TO_SHARE) {
    const heaviest = byWeight.reduce((most, one) => (one.bytes > most.bytes ? one : most))
    const host = heaviest.hosts.pop()
    if (host === undefined) break
    heaviest.bytes -= host.bytes
    left -= host.bytes
    closed.add(host.host)
  }
  return [...closed]
}
