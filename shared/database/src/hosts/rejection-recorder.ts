import type { Database, SqlValue } from '@bgs/contract/database.ts'
import { isRejection, type Reason } from '@bgs/protocol/reasons/reason.ts'
import { parseDid } from '@bgs/protocol/syntax/did.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

/** A frame or event that was rejected; `did` '' and `seq` -1 where they could not be read. */
export interface RejectedFrame {
  readonly host: string
  readonly did: string
  readonly seq: number
  readonly reason: Reason
  /** In a few words what was wrong; '' where the reason says it all. */
  readonly detail: string
  /** The frame as it came, where it can be judged again by itself. */
  readonly frame?: Uint8Array
  /** The DID document that it was judged by, as JSON; asked for only where the frame is kept. */
  readonly document?: () => string | undefined
}

/** As it is kept until it is written. */
interface Kept extends Omit<RejectedFrame, 'document'> {
  readonly document: string | null
}

const SAVE_EVERY_MS = 2_000
/** Samples kept of one host and reason, one after the other in so many slots … */
export const SAMPLES = 5
/** … taken at most so many at a time, and bytes of a frame that is kept with one. */
const SAMPLES_AT_ONCE = 2
const MAX_FRAME_BYTES = 64 * 1024
const MAX_DETAIL = 200
/** Characters kept of what stood in place of a DID; a DID that a relay takes is shorter. */
const MAX_DID = 300
/** Bytes of frames and documents that are kept between two writes; beyond it an example is kept without them. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024
/** Pairs of host and reason, and accounts, remembered between two writes; the rest is only counted in the metrics. */
const MAX_PAIRS = 5_000
const MAX_ACCOUNTS = 5_000
/** Rows kept in the database: of samples those with a frame may take 64 KiB each. */
const MAX_SAMPLE_ROWS = 5_000
const MAX_ACCOUNT_ROWS = 200_000
const TRIM_EVERY = 30

const COUNT = `INSERT INTO refusals (host, reason, frames, last_ms) VALUES ($1, $2, $3, $4)
  ON CONFLICT (host, reason) DO UPDATE SET frames = refusals.frames + excluded.frames, last_ms = excluded.last_ms`
const SAMPLE = `INSERT INTO refused_frames (host, reason, slot, at_ms, did, seq, detail, frame, document)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (host, reason, slot) DO UPDATE SET at_ms = excluded.at_ms, did = excluded.did, seq = excluded.seq,
    detail = excluded.detail, frame = excluded.frame, document = excluded.document`
const ACCOUNT = `INSERT INTO account_refusals (did, host, reason, at_ms, frames) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (did) DO UPDATE SET host = excluded.host, reason = excluded.reason, at_ms = excluded.at_ms,
    frames = account_refusals.frames + excluded.frames`
const TRIM_SAMPLES = `DELETE FROM refused_frames WHERE at_ms <
  (SELECT at_ms FROM refused_frames ORDER BY at_ms DESC LIMIT 1 OFFSET ${MAX_SAMPLE_ROWS})`
const TRIM_ACCOUNTS = `DELETE FROM account_refusals WHERE at_ms <
  (SELECT at_ms FROM account_refusals ORDER BY at_ms DESC LIMIT 1 OFFSET ${MAX_ACCOUNT_ROWS})`

interface Pair {
  frames: number
  lastMs: number
  readonly samples: { readonly atMs: number; readonly rejected: Kept }[]
}

interface AccountNote {
  host: string
  reason: Reason
  atMs: number
  frames: number
}

/**
 * Remembers what was rejected, for those who ask why: per host and reason a count and the last few examples, per
 * account the last reason. Kept in memory for a moment and then in the database, both bounded; may lose the last
 * moment when killed, for nothing hangs on it.
 */
export class RejectionRecorder {
  readonly #database: Database
  readonly #now: () => number
  #pairs = new Map<string, Pair>()
  #accounts = new Map<string, AccountNote>()
  #keptBytes = 0
  #saves = 0
  /** Rejections that were not noted, for too many others waited. */
  leftOut = 0

  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database
    this.#now = now
  }

  /** Notes a rejection; returns at once. Repeats and what is known already (X6, C4) are counted, not kept as examples. */
  note(rejected: RejectedFrame): void {
    const { host, reason, did } = rejected
    const atMs = this.#now()
    const key = `${host} ${reason}`
    let pair = this.#pairs.get(key)
    if (pair === undefined) {
      if (this.#pairs.size >= MAX_PAIRS) {
        this.leftOut++
        return
      }
      pair = { frames: 0, lastMs: 0, samples: [] }
      this.#pairs.set(key, pair)
    }
    pair.frames++
    pair.lastMs = atMs
    if (!isRejection(reason)) return
    if (pair.samples.length < SAMPLES_AT_ONCE) pair.samples.push({ atMs, rejected: this.#keep(rejected) })
    // A DID that is none has no account to tell of, and may be as long as a frame.
    if (parseDid(did, true) !== null) this.#noteAccount(did, host, reason, atMs)
  }

  /** A copy: the frame lies in a buffer that is used for others too. */
  #keep({ frame, document, ...rest }: RejectedFrame): Kept {
    const { did, detail } = rest
    const short = { ...rest, did: did.slice(0, MAX_DID), detail: detail.slice(0, MAX_DETAIL), document: null }
    if (frame === undefined || frame.length > MAX_FRAME_BYTES) return short
    const text = document?.() ?? null
    const bytes = frame.length + (text?.length ?? 0)
    if (this.#keptBytes + bytes > MAX_KEPT_BYTES) return short
    this.#keptBytes += bytes
    return { ...short, document: text, frame: new Uint8Array(frame) }
  }

  /** Notes that are not written yet. */
  get waiting(): number {
    return this.#pairs.size + this.#accounts.size
  }

  #noteAccount(did: string, host: string, reason: Reason, atMs: number): void {
    const known = this.#accounts.get(did)
    if (known === undefined) {
      if (this.#accounts.size < MAX_ACCOUNTS) this.#accounts.set(did, { host, reason, atMs, frames: 1 })
      else this.leftOut++
      return
    }
    known.host = host
    known.reason = reason
    known.atMs = atMs
    known.frames++
  }

  /** Writes every few seconds what was noted, until `signal` is aborted, and once more then. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await wait(SAVE_EVERY_MS, signal)
      await this.save()
    }
  }

  /** Writes what was noted since the last time. */
  async save(): Promise<void> {
    const pairs = [...this.#pairs]
    const accounts = [...this.#accounts]
    this.#pairs = new Map()
    this.#accounts = new Map()
    this.#keptBytes = 0
    if (pairs.length > 0) {
      const split = pairs.map(([key, pair]) => {
        const [host = '', reason = ''] = key.split(' ')
        return { host, reason, ...pair }
      })
      await this.#database.transaction([
        { sql: COUNT, rows: split.map(({ host, reason, frames, lastMs }) => [host, reason, frames, lastMs]) },
        { sql: SAMPLE, rows: split.flatMap(sampleRows) },
        {
          sql: ACCOUNT,
          rows: accounts.map(([did, { host, reason, atMs, frames }]) => [did, host, reason, atMs, frames]),
        },
      ])
    }
    if (++this.#saves % TRIM_EVERY !== 0) return
    await this.#database.transaction([
      { sql: TRIM_SAMPLES, rows: [[]] },
      { sql: TRIM_ACCOUNTS, rows: [[]] },
    ])
  }
}

/** Slots go round with the time, so that each write takes the place of the oldest, whichever process writes. */
function sampleRows({ host, reason, samples }: Pair & { host: string; reason: string }): SqlValue[][] {
  const turn = Math.floor((samples[0]?.atMs ?? 0) / SAVE_EVERY_MS) * SAMPLES_AT_ONCE
  return samples.map(({ atMs, rejected: { did, seq, detail, frame, document } }, i) => {
    const slot = (turn + i) % SAMPLES
    const bytes = frame === undefined ? null : Buffer.from(frame).toString('base64')
    return [host, reason, slot, atMs, did, seq, detail, bytes, document]
  })
}
