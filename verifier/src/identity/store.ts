import type { Database } from '@bgs/contract/database.ts'
import type { IdentityCache } from './cache.ts'
import type { CacheEntry } from './cache-entry.ts'
import type { Identity } from './document.ts'
import { decodeIdentity, encodeIdentity } from './stored-identity.ts'
import { fromWallMs, toWallMs } from './wall-time.ts'

const UPSERT = `INSERT INTO identities (did, fetched_ms, document) VALUES ($1, $2, $3)
  ON CONFLICT (did) DO UPDATE SET fetched_ms = excluded.fetched_ms, document = excluded.document
  WHERE identities.fetched_ms < excluded.fetched_ms`
/** Entries kept for writing at most; beyond it the oldest are not saved, which costs a look-up after a restart. */
const MAX_PENDING = 20_000
const SAVE_ROWS = 1_000
const PAGE_ROWS = 1_000
const KEEP_MS = 24 * 3_600_000

/**
 * Keeps found identities over a restart (protocol.md D9: a cold start is the worst case for the directory). May be
 * lost at any time.
 */
export class IdentityStore {
  readonly #database: Database
  readonly #pending = new Map<string, CacheEntry & { found: Identity }>()

  constructor(database: Database) {
    this.#database = database
  }

  /** Fills the cache with up to `limit` entries that are still fresh. */
  async load(cache: IdentityCache, limit: number): Promise<number> {
    const nowMs = Date.now()
    await this.#database.transaction([
      { sql: 'DELETE FROM identities WHERE fetched_ms < $1', rows: [[nowMs - KEEP_MS]] },
    ])
    // The newest, read in pages: all rows at once would take as much memory as the relay needs for all else.
    const [oldest] = await this.#database.query<{ fetched_ms: number | null }>(
      'SELECT MIN(fetched_ms) AS fetched_ms FROM (SELECT fetched_ms FROM identities ORDER BY fetched_ms DESC LIMIT $1) AS newest',
      [limit],
    )
    const since = Number(oldest?.fetched_ms ?? 0)
    let count = 0
    for (let after = ''; ; ) {
      const rows = await this.#database.query<{ did: string; fetched_ms: number; document: string }>(
        'SELECT did, fetched_ms, document FROM identities WHERE did > $1 AND fetched_ms >= $2 ORDER BY did LIMIT $3',
        [after, since, PAGE_ROWS],
      )
      for (const row of rows)
        cache.put(row.did, {
          found: decodeIdentity(row.document),
          startedMs: fromWallMs(Number(row.fetched_ms)),
        })
      count += rows.length
      if (rows.length < PAGE_ROWS) return count
      after = (rows.at(-1) as { did: string }).did
    }
  }

  /** Notes an identity for the next save. */
  note(entry: CacheEntry & { found: Identity }): void {
    this.#pending.delete(entry.found.did)
    this.#pending.set(entry.found.did, entry)
    if (this.#pending.size > MAX_PENDING) this.#pending.delete(this.#pending.keys().next().value as string)
  }

  /** Writes what was noted, in small batches. */
  async save(): Promise<void> {
    while (this.#pending.size > 0) {
      const part = [...this.#pending.values()].slice(0, SAVE_ROWS)
      for (const { found } of part) this.#pending.delete(found.did)
      const rows = part.map(({ found, startedMs }) => [found.did, toWallMs(startedMs), encodeIdentity(found)])
      await this.#database.transaction([{ sql: UPSERT, rows }])
    }
  }
}
