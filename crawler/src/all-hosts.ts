import type { Database } from '@bgs/shared/db/database.ts'
import { hostsAskedSince } from '@bgs/shared/hosts/host-rows.ts'
import type { HostsSeen, Ownership } from './ownership.ts'

/** How far back it is looked for hosts that were asked for. */
const ASKED_OVERLAP_MS = 60_000

/** Every host that was asked for and is not banned: the only crawler there is. */
export class AllHosts implements Ownership {
  readonly #database: Database
  /** When each host was last asked for, as far as it was told. */
  readonly #asked = new Map<string, number>()
  #askedMs = 0

  constructor(database: Database) {
    this.#database = database
  }

  async look(): Promise<HostsSeen> {
    // With an overlap: what is asked for at the same moment, or by a clock that lags, is not missed.
    const rows = await hostsAskedSince(this.#database, this.#askedMs - ASKED_OVERLAP_MS)
    const asked = rows.filter((row) => this.#asked.get(row.hostname) !== Number(row.asked_ms))
    for (const row of asked) {
      const askedMs = Number(row.asked_ms)
      this.#asked.set(row.hostname, askedMs)
      this.#askedMs = Math.max(this.#askedMs, askedMs)
    }
    return { asked, lost: [], surplus: [] }
  }

  async release(): Promise<void> {}
}
