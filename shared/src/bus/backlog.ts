import { wait } from '../service/wait.ts'

/** How often it is looked at what was consumed. */
const LOOK_EVERY_MS = 500
/** There is room again below this share of the bound. */
const REOPEN_SHARE = 0.9
/** Records of one partition that are told apart; beyond it neighbours are counted together. */
const MAX_RECORDS = 8_192

export interface BacklogParts {
  /** Bytes not yet consumed at which there is no room (RELAY_BACKLOG_BYTES). */
  readonly maxBytes: number
  /** Offset behind the last record of each partition. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  /** Offset of the first record of each partition that is not consumed. */
  readonly consumed: () => Promise<ReadonlyMap<number, number>>
  /** Bytes of a record that others wrote: of the one at this offset, as a sample. */
  readonly sample: (partition: number, offset: number) => Promise<number>
}

interface Appended {
  offset: number
  bytes: number
  records: number
}

/**
 * Bytes of a topic that nobody has consumed yet (invariant 12). Kafka tells offsets and no bytes: what this process
 * appended it knows, what others did is reckoned by their number of records and the size of a sample.
 */
export class Backlog {
  readonly #parts: BacklogParts
  readonly #own = new Map<number, Appended[]>()
  #ownBytes = 0
  #othersBytes = 0
  #room: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(parts: BacklogParts) {
    this.#parts = parts
  }

  get bytes(): number {
    return this.#ownBytes + this.#othersBytes
  }

  /** A promise while there is no room. */
  readonly full = (): Promise<void> | undefined => {
    if (this.bytes >= this.#parts.maxBytes) this.#room ??= Promise.withResolvers<void>()
    return this.#room?.promise
  }

  /** This process has appended a record. */
  readonly noteAppended = (partition: number, offset: number, bytes: number): void => {
    let own = this.#own.get(partition)
    if (own === undefined) {
      own = []
      this.#own.set(partition, own)
    }
    const last = own.at(-1)
    this.#ownBytes += bytes
    if (last === undefined || own.length < MAX_RECORDS) own.push({ offset, bytes, records: 1 })
    else {
      last.offset = offset
      last.bytes += bytes
      last.records++
    }
  }

  /** Looks until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await wait(LOOK_EVERY_MS, signal)
    }
    this.#room?.resolve()
  }

  async look(): Promise<void> {
    const consumed = await this.#parts.consumed()
    const ends = await this.#parts.ends()
    let others = 0
    let at: [number, number] | undefined
    for (const [partition, end] of ends) {
      const from = consumed.get(partition) ?? 0
      const count = Math.max(0, end - from) - this.#forget(partition, from)
      others += Math.max(0, count)
      if (count > 0) at = [partition, from]
    }
    this.#othersBytes = at === undefined ? 0 : others * (await this.#parts.sample(...at))
    if (this.#room === undefined || this.bytes >= this.#parts.maxBytes * REOPEN_SHARE) return
    this.#room.resolve()
    this.#room = undefined
  }

  /** Lets go of own records below an offset; how many are left. */
  #forget(partition: number, below: number): number {
    const own = this.#own.get(partition) ?? []
    const gone = own.findIndex(({ offset }) => offset >= below)
    for (const { bytes } of own.splice(0, gone < 0 ? own.length : gone)) this.#ownBytes -= bytes
    return own.reduce((sum, { records }) => sum + records, 0)
  }
}
