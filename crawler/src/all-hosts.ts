import type { Database } from '@bgs/contract/database.ts'
import { hostsChangedSince } from '@bgs/database/hosts/host-rows.ts'
import type { HostsSeen, Ownership } from './ownership.ts'

/** How far back it is looked for hosts that changed: what is written late is not missed. */
const LOOK_BACK_MS = 60_000

/** Every host that is known: the only crawler there is. */
export class AllHosts implements Ownership {
  readonly #database: Database
  /** What each host last was, as far as it was told. */
  readonly #reported = new Map<string, string>()
  readonly #now: () => number
  #sinceMs = -1

  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database
    this.#now = now
  }

  async look(): Promise<HostsSeen> {
    const nowMs = this.#now()
    const rows = await hostsChangedSince(this.#database, this.#sinceMs)
    // By the clock, not by the last one asked for: all that were asked for at a start would be looked at for ever.
    this.#sinceMs = nowMs - LOOK_BACK_MS
    const assigned = rows.filter(({ hostname, asked_ms, changed_ms, suspended }) => {
      const now = `${asked_ms} ${changed_ms} ${suspended}`
      if (this.#reported.get(hostname) === now) return false
      this.#reported.set(hostname, now)
      return true
    })
    return { assigned, revoked: [], excess: [] }
  }

  async release(): Promise<void> {}
}
