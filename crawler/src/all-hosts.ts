import type { Database } from '@bgs/shared/db/database.ts'
import { hostsAskedSince } from '@bgs/shared/hosts/host-rows.ts'
import type { HostsSeen, Ownership } from './ownership.ts'

/** How far back it is looked for hosts that were asked for: what is written late is not missed. */
const LOOK_BACK_MS = 60_000

/** Every host that was asked for and is not banned: the only crawler there is. */
export class AllHosts implements Ownership {
  readonly #database: Database
  /** When each host was last asked for, as far as it was told. */
  readonly #asked = new Map<string, number>()
  readonly #now: () => number
  #sinceMs = 0

  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database
    this.#now = now
  }

  async look(): Promise<HostsSeen> {
    const nowMs = this.#now()
    const rows = await hostsAskedSince(this.#database, this.#sinceMs)
    // By the clock, not by the last one asked for: all that were asked for at a start would be looked at for ever.
    this.#sinceMs = nowMs - LOOK_BACK_MS
    const asked = rows.filter((row) => this.#asked.get(row.hostname) !== Number(row.asked_ms))
    for (const { hostname, asked_ms } of asked) this.#asked.set(hostname, Number(asked_ms))
    return { asked, lost: [], surplus: [] }
  }

  async release(): Promise<void> {}
}
