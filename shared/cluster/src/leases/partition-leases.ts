import type { Database } from '@bgs/contract/database.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import { type Membership, mayTakeFrom } from './membership.ts'

const ADD = `INSERT INTO partitions (topic, number, generation, position, owner, fence)
  VALUES ($1, $2, 0, 0, NULL, 0) ON CONFLICT (topic, number) DO NOTHING`
/** Partitions of nobody; and of the dead and of those that stand still, where this process may judge that. */
const CLAIM = `UPDATE partitions SET owner = $1, fence = fence + 1 WHERE topic = $2 AND number IN (
  SELECT p.number FROM partitions p LEFT JOIN members m ON m.id = p.owner
  WHERE p.topic = $2 AND p.number < CAST($5 AS BIGINT) AND (p.owner IS NULL OR ${mayTakeFrom('$1', '$4')})
  ORDER BY p.number LIMIT CAST($3 AS BIGINT) FOR UPDATE OF p SKIP LOCKED)`
const MINE =
  'SELECT number, generation, position, leader_epoch, fence FROM partitions WHERE topic = $1 AND owner = $2 AND number < CAST($3 AS BIGINT) ORDER BY number'
const RELEASE =
  'UPDATE partitions SET owner = NULL, fence = fence + 1 WHERE topic = $1 AND number = $2 AND owner = $3'
const SAVE = `UPDATE partitions SET generation = v.column3, position = v.column4, leader_epoch = v.column5
  FROM (VALUES (CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT),
    CAST($6 AS BIGINT))) AS v
  WHERE partitions.topic = v.column1 AND partitions.number = v.column2 AND partitions.fence = v.column6`

/** A partition that this process has leased. */
export interface LeasedPartition {
  readonly number: number
  /** Position of the first entry that is not done, in this generation of the topic. */
  readonly generation: number
  readonly position: number
  /** Kafka's of the record before it, -1 where it is not known: tells whether the topic has lost its end since. */
  readonly leaderEpoch: number
  /** Raised with each change of the owner: writes with an older one change nothing. */
  readonly fence: number
}

/** Shares the partitions of a topic among the live processes of a role; where there is one partition, its owner leads. */
export class PartitionLeases {
  readonly #database: Database
  readonly #membership: Membership
  readonly #topic: string
  readonly #count: number

  constructor(database: Database, membership: Membership, topic: string, count: number) {
    this.#database = database
    this.#membership = membership
    this.#topic = topic
    this.#count = count
  }

  /** Makes the rows where they are missing. */
  async prepare(): Promise<void> {
    const rows = Array.from({ length: this.#count }, (_, number) => [this.#topic, number])
    await this.#database.transaction([{ sql: ADD, rows }])
  }

  /**
   * Takes up to a fair share, gives up what is beyond it (all of it where this process stands still and another does
   * not), and tells what is leased now. `release` gives up at once; the caller has to have stopped with those that are
   * no longer in the answer.
   */
  async look(): Promise<LeasedPartition[]> {
    const { id, isLive, leaseMs } = this.#membership
    if (!isLive) return []
    const share = this.#membership.shareOf(this.#count)
    let mine = await this.#mine()
    if (mine.length < share) {
      await this.#database.query(CLAIM, [id, this.#topic, share - mine.length, leaseMs, this.#count])
      mine = await this.#mine()
    }
    if (mine.length > share) {
      await this.release(mine.slice(share).map(({ number }) => number))
      mine = mine.slice(0, share)
    }
    return mine
  }

  /** Gives partitions up; another process may take them at once. */
  async release(numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return
    const rows = numbers.map((number) => [this.#topic, number, this.#membership.id])
    await this.#database.transaction([{ sql: RELEASE, rows }])
  }

  /** Saves positions; of a partition that was taken away none. */
  async save(partitions: readonly LeasedPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const rows = partitions.map((p) => [
      this.#topic,
      p.number,
      p.generation,
      p.position,
      p.leaderEpoch,
      p.fence,
    ])
    crashPoint('before-position')
    await this.#database.transaction([{ sql: SAVE, rows }])
    crashPoint('after-position')
  }

  async #mine(): Promise<LeasedPartition[]> {
    const rows = await this.#database.query<
      Record<'number' | 'generation' | 'position' | 'leader_epoch' | 'fence', number>
    >(MINE, [this.#topic, this.#membership.id, this.#count])
    return rows.map((row) => ({
      number: Number(row.number),
      generation: Number(row.generation),
      position: Number(row.position),
      leaderEpoch: Number(row.leader_epoch),
      fence: Number(row.fence),
    }))
  }
}
