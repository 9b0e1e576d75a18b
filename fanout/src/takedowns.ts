import { hashDid } from '@bgs/contract/bus/partition.ts'
import type { Database } from '@bgs/contract/database.ts'
import { decodeFacts, didOfFacts } from '@bgs/contract/envelope/facts.ts'
import type { LogReader } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'

const READ_BYTES = 4 * 1024 * 1024

/**
 * Accounts that this relay's operator has taken down: their #commit and #sync are left out when serving, also those
 * from before (protocol.md E5: a log cannot be edited). Follows the log; begins from the view.
 */
export class Takedowns {
  /** The view's position when it was read: what the log says up to there is in it. */
  readonly #since: number
  readonly #dids = new Set<string>()
  readonly #hashes = new Map<number, number>()

  /**
   * Reads the accounts taken down as of the view, then what the log says from there on. Rows may be newer than the
   * position that was read before them: then the log says the same again, in order.
   */
  static async load(database: Database, log: Pick<LogReader, 'read' | 'bounds'>): Promise<Takedowns> {
    const [view] = await database.query<{ position: number }>('SELECT position FROM view WHERE id = 1')
    const rows = await database.query<{ did: string }>(
      "SELECT did FROM accounts WHERE local <> 'active' AND local = 'takendown'",
    )
    const takedowns = new Takedowns(
      Number(view?.position ?? 0),
      rows.map(({ did }) => did),
    )
    let at = Math.max(takedowns.#since + 1, log.bounds().first)
    for (;;) {
      const batches = await log.read(at, READ_BYTES)
      for (const batch of batches) takedowns.follow(batch)
      if (batches.length === 0) return takedowns
      at = (batches.at(-1) as LogBatch).lastSeq + 1
    }
  }

  /** With accounts that are taken down as of seq `since`. */
  constructor(since = 0, dids: readonly string[] = []) {
    this.#since = since
    this.replace(dids)
  }

  /** Accounts that are taken down now. */
  get dids(): string[] {
    return [...this.#dids]
  }

  /** Takes these accounts for the ones that are taken down, whatever was known before. */
  replace(dids: readonly string[]): void {
    this.#dids.clear()
    this.#hashes.clear()
    for (const did of dids) this.#set(did, true)
  }

  /** Takes in what a batch says of local status, in the order of the log. */
  follow(batch: LogBatch): void {
    if (batch.lastSeq <= this.#since) return
    let i = 0
    for (const bytes of batch.facts()) {
      const seq = batch.firstSeq + i
      const kind = batch.kind(i++)
      if (kind === '#commit' || kind === '#sync' || seq <= this.#since) continue
      const { did, local } = decodeFacts(bytes)
      if (local !== null) this.#set(did, local === 'takendown')
    }
  }

  /** The frames of a batch from its entry `from` on that may be served, as ranges of bytes, with their number. */
  servable(batch: LogBatch, from: number): { frames: Buffer[]; events: number } {
    const events = batch.count - from
    if (this.#dids.size === 0) return { frames: [batch.frames(from)], events }
    const frames: Buffer[] = []
    let start = from
    let left = events
    for (let i = from; i < batch.count; i++) {
      if (!this.#isHidden(batch, i)) continue
      if (i > start) frames.push(batch.frames(start, i))
      start = i + 1
      left--
    }
    if (start < batch.count) frames.push(batch.frames(start, batch.count))
    return { frames, events: left }
  }

  #isHidden(batch: LogBatch, index: number): boolean {
    if (!this.#hashes.has(batch.didHash(index))) return false
    const kind = batch.kind(index)
    return (kind === '#commit' || kind === '#sync') && this.#dids.has(didOfFacts(batch.factsOf(index)))
  }

  #set(did: string, down: boolean): void {
    if (this.#dids.has(did) === down) return
    const hash = hashDid(did)
    const others = this.#hashes.get(hash) ?? 0
    if (down) {
      this.#dids.add(did)
      this.#hashes.set(hash, others + 1)
      return
    }
    this.#dids.delete(did)
    if (others > 1) this.#hashes.set(hash, others - 1)
    else this.#hashes.delete(hash)
  }
}
