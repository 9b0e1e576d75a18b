import type { Database } from '@bgs/contract/database.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { StatusQuestion } from '../sequencer.ts'

/** Questions a second at most, in all and to one host. */
const PER_SECOND = 20
const PER_SECOND_OF_HOST = 4
const TURN_MS = 1_000
/** The first round begins so long after the start, for there is better to do then. */
const FIRST_AFTER_MS = 60_000

const INACTIVE = "a.upstream <> 'active' AND a.upstream NOT LIKE 'active:%'"
const COLUMNS = 'a.first_seq, a.did, a.host, a.version'

/**
 * Whom it is worth most to ask about comes first: an account that has committed since it was called inactive is most
 * likely not. Of one that was deleted it is the least likely.
 */
const CLASSES = [
  {
    sql: `SELECT ${COLUMNS} FROM held_commits h JOIN accounts a ON a.did = h.did
      WHERE h.did > $1 AND ${INACTIVE} ORDER BY h.did LIMIT ${PER_SECOND}`,
    start: '',
    placeOf: ({ did }: Row): string | number => did,
  },
  {
    sql: `SELECT ${COLUMNS} FROM accounts a WHERE a.first_seq > $1 AND ${INACTIVE} AND a.upstream <> 'deleted'
      ORDER BY a.first_seq LIMIT ${PER_SECOND}`,
    start: 0,
    placeOf: ({ first_seq }: Row): string | number => Number(first_seq),
  },
  {
    sql: `SELECT ${COLUMNS} FROM accounts a WHERE a.first_seq > $1 AND a.upstream <> 'active' AND a.upstream = 'deleted'
      ORDER BY a.first_seq LIMIT ${PER_SECOND}`,
    start: 0,
    placeOf: ({ first_seq }: Row): string | number => Number(first_seq),
  },
] as const

interface Row {
  readonly first_seq: number
  readonly did: string
  readonly host: string
  readonly version: number
}

/** Where the round of one class stands; `at` undefined: it is over. */
interface Round {
  at: string | number | undefined
  begunMs: number
}

/**
 * Asks again for the status of accounts that their hosts once called inactive, round and round at a gentle pace, those
 * first about whom it is worth most: nobody stays inactive here because one word was lost (protocol.md section 5, E2).
 */
export class StatusRechecker {
  readonly #database: Database
  readonly #ask: (question: StatusQuestion) => void
  readonly #roundMs: number
  readonly #rounds: readonly Round[]

  /** A round of one class begins no sooner than `roundMs` after the one before. */
  constructor(database: Database, ask: (question: StatusQuestion) => void, roundMs: number) {
    this.#database = database
    this.#ask = ask
    this.#roundMs = roundMs
    this.#rounds = CLASSES.map(() => ({ at: undefined, begunMs: Number.NEGATIVE_INFINITY }))
  }

  /** Asks until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await wait(Math.min(FIRST_AFTER_MS, this.#roundMs), signal)
    while (!signal.aborted) {
      await this.turn()
      await wait(TURN_MS, signal)
    }
  }

  /** Asks what may be asked in a second; resolves to how many questions that were. */
  async turn(): Promise<number> {
    const byHost = new Map<string, number>()
    let asked = 0
    for (const [i, one] of CLASSES.entries()) {
      const round = this.#rounds[i] as Round
      if (round.at === undefined) {
        if (monotonicMs() - round.begunMs < this.#roundMs) continue
        round.at = one.start
        round.begunMs = monotonicMs()
      }
      const rows = await this.#database.query<Row>(one.sql, [round.at])
      for (const row of rows) {
        const ofHost = byHost.get(row.host) ?? 0
        // The rest has its turn in the next second: a host is not asked more because many of its accounts stand together.
        if (asked >= PER_SECOND || ofHost >= PER_SECOND_OF_HOST) return asked
        this.#ask({ did: row.did, host: row.host, version: Number(row.version) })
        byHost.set(row.host, ofHost + 1)
        round.at = one.placeOf(row)
        asked++
      }
      if (rows.length < PER_SECOND) round.at = undefined
    }
    return asked
  }
}
