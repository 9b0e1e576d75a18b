import { hashDid } from '@bgs/shared/bus/partition.ts'
import type { Database } from '@bgs/shared/db/database.ts'
import { decodeFacts, didOfFacts } from '@bgs/shared/envelope/facts.ts'
import type { Pack } from '@bgs/shared/log/pack.ts'

/**
 * Accounts that this relay's operator has taken down: their #commit and #sync are left out when serving, also those
 * from before (protocol.md E5: a log cannot be edited). Follows the log; begins from the view.
 */
export class Takedowns {
  readonly #dids = new Set<string>()
  readonly #hashes = new Map<number, number>()

  /** Reads the accounts taken down as of the view. */
  static async load(database: Database): Promise<Takedowns> {
    const takedowns = new Takedowns()
    const rows = await database.query<{ did: string }>(
      "SELECT did FROM accounts WHERE local <> 'active' AND local = 'takendown'",
    )
    for (const { did } of rows) takedowns.#set(did, true)
    return takedowns
  }

  /** Takes in what a newly appended pack says of local status. */
  follow(pack: Pack): void {
    let i = 0
    for (const bytes of pack.facts()) {
      const kind = pack.kind(i++)
      if (kind === '#commit' || kind === '#sync') continue
      const { did, local } = decodeFacts(bytes)
      if (local !== null) this.#set(did, local === 'takendown')
    }
  }

  /** The frames of a pack from its entry `from` on that may be served, as ranges of bytes, with their number. */
  servable(pack: Pack, from: number): { frames: Buffer[]; events: number } {
    const events = pack.count - from
    if (this.#dids.size === 0) return { frames: [pack.frames(from)], events }
    const frames: Buffer[] = []
    let start = from
    let left = events
    for (let i = from; i < pack.count; i++) {
      if (!this.#isHidden(pack, i)) continue
      if (i > start) frames.push(pack.frames(start, i))
      start = i + 1
      left--
    }
    if (start < pack.count) frames.push(pack.frames(start, pack.count))
    return { frames, events: left }
  }

  #isHidden(pack: Pack, index: number): boolean {
    if (!this.#hashes.has(pack.didHash(index))) return false
    const kind = pack.kind(index)
    return (kind === '#commit' || kind === '#sync') && this.#dids.has(didOfFacts(pack.factsOf(index)))
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
