import { DATABASE_NOW_MS, fairShare, type Membership, mayJudge } from '@bgs/shared/cluster/membership.ts'
import type { Database } from '@bgs/shared/db/database.ts'
import type { HostRow } from '@bgs/shared/hosts/host-rows.ts'
import type { HostsSeen, Ownership } from './ownership.ts'

const COUNT = 'SELECT count(*) AS hosts FROM hosts WHERE banned = 0'
/** Hosts of nobody; and of the dead, where this process may judge that. */
const CLAIM = `UPDATE hosts SET owner = $1, fence = fence + 1 WHERE hostname IN (
  SELECT h.hostname FROM hosts h LEFT JOIN members m ON m.id = h.owner
  WHERE h.banned = 0 AND (h.owner IS NULL
    OR ((m.id IS NULL OR m.expires_ms < ${DATABASE_NOW_MS}) AND ${mayJudge('$1', '$3')}))
  ORDER BY h.created_ms, h.hostname LIMIT CAST($2 AS BIGINT) FOR UPDATE OF h SKIP LOCKED)`
const MINE =
  'SELECT hostname, fence, asked_ms FROM hosts WHERE owner = $1 AND banned = 0 ORDER BY created_ms, hostname'
const ROW = 'SELECT * FROM hosts WHERE hostname = $1 AND owner = $2 AND fence = $3'
const RELEASE =
  'UPDATE hosts SET owner = NULL, fence = fence + 1, connected = 0 WHERE hostname = $1 AND owner = $2'
const RELEASE_ALL = 'UPDATE hosts SET owner = NULL, fence = fence + 1, connected = 0 WHERE owner = $1'

interface Held {
  readonly fence: number
  readonly askedMs: number
}

/**
 * A fair share of the hosts, leased: each row names its owner, and a fence that is raised whenever that changes. Takes
 * what is free, what belonged to crawlers that are no longer alive, and gives up what is beyond its share when another
 * crawler joins.
 */
export class LeasedHosts implements Ownership {
  readonly #database: Database
  readonly #membership: Membership
  #held = new Map<string, Held>()

  constructor(database: Database, membership: Membership) {
    this.#database = database
    this.#membership = membership
  }

  async look(): Promise<HostsSeen> {
    const { id, count, isLive, leaseMs } = this.#membership
    if (!isLive) return { asked: [], lost: [], surplus: [] }
    const [row] = await this.#database.query<{ hosts: number }>(COUNT)
    const share = fairShare(Number(row?.hosts ?? 0), count)
    let mine = await this.#mine()
    if (mine.length < share) {
      await this.#database.query(CLAIM, [id, share - mine.length, leaseMs])
      mine = await this.#mine()
    }
    const before = this.#held
    this.#held = new Map(mine.map(({ hostname, fence, askedMs }) => [hostname, { fence, askedMs }]))
    const lost = [...before].filter(([hostname, { fence }]) => this.#held.get(hostname)?.fence !== fence)
    const news = mine.filter(({ hostname, fence, askedMs }) => {
      const known = before.get(hostname)
      return known?.fence !== fence || known.askedMs !== askedMs
    })
    const surplus = mine.slice(share).map(({ hostname }) => hostname)
    return { asked: await this.#rows(news), lost: lost.map(([hostname]) => hostname), surplus }
  }

  async release(hostnames?: readonly string[]): Promise<void> {
    const { id } = this.#membership
    if (hostnames === undefined) {
      this.#held.clear()
      await this.#database.transaction([{ sql: RELEASE_ALL, rows: [[id]] }])
      return
    }
    for (const hostname of hostnames) this.#held.delete(hostname)
    await this.#database.transaction([{ sql: RELEASE, rows: hostnames.map((hostname) => [hostname, id]) }])
  }

  async #mine(): Promise<(Held & { readonly hostname: string })[]> {
    const rows = await this.#database.query<Pick<HostRow, 'hostname' | 'fence' | 'asked_ms'>>(MINE, [
      this.#membership.id,
    ])
    return rows.map(({ hostname, fence, asked_ms }) => ({
      hostname,
      fence: Number(fence),
      askedMs: Number(asked_ms),
    }))
  }

  async #rows(news: readonly { readonly hostname: string; readonly fence: number }[]): Promise<HostRow[]> {
    const rows: HostRow[] = []
    for (const { hostname, fence } of news)
      rows.push(...(await this.#database.query<HostRow>(ROW, [hostname, this.#membership.id, fence])))
    return rows
  }
}
