import type { Database } from '@bgs/shared/db/database.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import type { StatusQuestion } from './sequencer.ts'

/** One question in so long, whatever the host. */
const ASK_EVERY_MS = 1_000
/** The first round begins so long after the start, for there is better to do then. */
const FIRST_AFTER_MS = 60_000

const NEXT_INACTIVE = `SELECT first_seq, did, host, version FROM accounts
  WHERE first_seq > $1 AND upstream <> 'active' AND upstream NOT LIKE 'active:%' ORDER BY first_seq LIMIT 1`

/**
 * Asks again for the status of accounts that their hosts once called inactive, one after the other and round and round
 * at a gentle pace: nobody stays inactive here because one word was lost (protocol.md section 5, E2).
 */
export class StatusSweep {
  readonly #database: Database
  readonly #ask: (question: StatusQuestion) => void
  readonly #roundMs: number

  /** A round begins no sooner than `roundMs` after the one before. */
  constructor(database: Database, ask: (question: StatusQuestion) => void, roundMs: number) {
    this.#database = database
    this.#ask = ask
    this.#roundMs = roundMs
  }

  /** Asks until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await wait(Math.min(FIRST_AFTER_MS, this.#roundMs), signal)
    while (!signal.aborted) {
      const beganMs = performance.now()
      for (let after: number | undefined = 0; after !== undefined && !signal.aborted; ) {
        after = await this.askNext(after)
        if (after !== undefined) await wait(ASK_EVERY_MS, signal)
      }
      await wait(Math.max(ASK_EVERY_MS, this.#roundMs - (performance.now() - beganMs)), signal)
    }
  }

  /** Asks about the next account behind this one; resolves to its place, or undefined where there is none. */
  async askNext(after: number): Promise<number | undefined> {
    const [row] = await this.#database.query<{
      first_seq: number
      did: string
      host: string
      version: number
    }>(NEXT_INACTIVE, [after])
    if (row === undefined) return undefined
    this.#ask({ did: row.did, host: row.host, version: Number(row.version) })
    return Number(row.first_seq)
  }
}
