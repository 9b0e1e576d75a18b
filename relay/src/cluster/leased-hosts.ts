import { type Membership, mayTakeFrom } from '@bgs/cluster/leases/membership.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { HostsSeen, Ownership } from '@bgs/crawler/ownership.ts'
import { type HostRowSeen, SUSPENDED } from '@bgs/database/hosts/host-rows.ts'

const COUNT = `SELECT count(*) AS hosts FROM hosts WHERE ${SUSPENDED} = 0`
/** Hosts of nobody; and of the dead and of those that stand still, where this process may judge that. */
const CLAIM = `UPDATE hosts SET owner = $1, fence = fence + 1 WHERE hostname IN (
  SELECT hosts.hostname FROM hosts LEFT JOIN members m ON m.id = hosts.owner
  WHERE ${SUSPENDED} = 0 AND (hosts.owner IS NULL OR ${mayTakeFrom('$1', '$3')})
  ORDER BY hosts.created_ms, hosts.hostname LIMIT CAST($2 AS BIGINT) FOR UPDATE OF hosts SKIP LOCKED)`
const MINE = `SELECT hostname, fence, asked_ms, changed_ms, ${SUSPENDED} AS suspended FROM hosts WHERE owner = $1
  ORDER BY created_ms, hostname`
const ROW = `SELECT hosts.*, ${SUSPENDED} AS suspended FROM hosts WHERE hostname = $1 AND owner = $2 AND fence = $3`
const RELEASE =
  'UPDATE hosts SET owner = NULL, fence = fence + 1, connected = 0 WHERE hostname = $1 AND owner = $2'
const RELEASE_ALL = 'UPDATE hosts SET owner = NULL, fence = fence + 1, connected = 0 WHERE owner = $1'

interface Owned {
  readonly fence: number
  /** All that may change without the fence, in one word. */
  readonly state: string
  readonly isSuspended: boolean
}

/**
 * A fair share of the hosts, leased: each row names its owner, and a fence that is raised whenever that changes. Takes
 * what is free, what belongs to crawlers that are no longer alive or stand still, and gives up what is beyond its share
 * when another crawler joins, and everything while it stands still itself and another does not.
 */
export class LeasedHosts implements Ownership {
  readonly #database: Database
  readonly #membership: Membership
  #owned = new Map<string, Owned>()

  constructor(database: Database, membership: Membership) {
    this.#database = database
    this.#membership = membership
  }

  async look(): Promise<HostsSeen> {
    const { id, isLive, leaseMs } = this.#membership
    if (!isLive) return { assigned: [], revoked: [], excess: [] }
    const [row] = await this.#database.query<{ hosts: number }>(COUNT)
    const share = this.#membership.shareOf(Number(row?.hosts ?? 0))
    let mine = await this.#mine()
    const crawled = mine.filter(({ isSuspended }) => !isSuspended).length
    if (crawled < share) {
      await this.#database.query(CLAIM, [id, share - crawled, leaseMs])
      mine = await this.#mine()
    }
    const before = this.#owned
    this.#owned = new Map(mine.map(({ hostname, ...owned }) => [hostname, owned]))
    const revoked = [...before].filter(([hostname, { fence }]) => this.#owned.get(hostname)?.fence !== fence)
    const assigned = mine.filter(({ hostname, fence, state }) => {
      const known = before.get(hostname)
      return known?.fence !== fence || known.state !== state
    })
    const excess = mine
      .filter(({ isSuspended }) => !isSuspended)
      .slice(share)
      .map(({ hostname }) => hostname)
    return { assigned: await this.#rows(assigned), revoked: revoked.map(([hostname]) => hostname), excess }
  }

  async release(hostnames?: readonly string[]): Promise<void> {
    const { id } = this.#membership
    if (hostnames === undefined) {
      this.#owned.clear()
      await this.#database.transaction([{ sql: RELEASE_ALL, rows: [[id]] }])
      return
    }
    for (const hostname of hostnames) this.#owned.delete(hostname)
    await this.#database.transaction([{ sql: RELEASE, rows: hostnames.map((hostname) => [hostname, id]) }])
  }

  async #mine(): Promise<(Owned & { readonly hostname: string })[]> {
    const rows = await this.#database.query<
      Pick<HostRowSeen, 'hostname' | 'fence' | 'asked_ms' | 'changed_ms' | 'suspended'>
    >(MINE, [this.#membership.id])
    return rows.map(({ hostname, fence, asked_ms, changed_ms, suspended }) => ({
      hostname,
      fence: Number(fence),
      state: `${asked_ms} ${changed_ms} ${suspended}`,
      isSuspended: Number(suspended) === 1,
    }))
  }

  async #rows(
    assigned: readonly { readonly hostname: string; readonly fence: number }[],
  ): Promise<HostRowSeen[]> {
    const rows: HostRowSeen[] = []
    for (const { hostname, fence } of assigned)
      rows.push(...(await this.#database.query<HostRowSeen>(ROW, [hostname, this.#membership.id, fence])))
    return rows
  }
}
