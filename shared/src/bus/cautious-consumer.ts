import type { Reason } from '../verdict/reason.ts'
import type { BusConsumer, BusEntry } from './bus.ts'
import { type Caution, DEATHS } from './caution.ts'

/** Whoever reads for so long without dying has got past what killed those before it. */
const LASTS_MS = 30_000
/** An entry that is not done after so long waits for something, and kills nobody: the next one is handed out. */
const HARMLESS_MS = 2_000

export interface CautiousParts<T> {
  readonly consumer: BusConsumer<T>
  readonly caution: Caution
  /** Names an entry beyond the life of a process: the same for each that reads it. */
  readonly keyOf: (entry: BusEntry<T>) => string
  /** Hears of an entry that is stepped over, for `deaths` processes died over it alone. */
  readonly onCondemned: (value: T, deaths: number) => void
  /** Where the database fails it is read on without care. */
  readonly onFault: (error: unknown) => void
  /** For tests. */
  readonly lastsMs?: number
  readonly harmlessMs?: number
}

/**
 * Reads on although an entry ends the process that takes it (invariant 14). Most of the time it hands out what there is.
 * After processes have ended in a row, without a word and soon after they began, it goes with care:
 *
 * 1. One entry at a time is marked in the database, and handed out only then.
 * 2. When it is done, or has done no harm for 2 s, the mark goes, and the next one has its turn.
 * 3. Where the process dies meanwhile the mark stays. Who begins after it marks the same entry once more.
 * 4. An entry that three died over alone is refused as `internal-error`, kept and told of; what is behind it goes on.
 *
 * A process that is killed from outside leaves a mark, too; that it meets the same entry alone three times in a row, within
 * the moment that one takes, does not happen by chance.
 */
export class CautiousConsumer<T> implements BusConsumer<T> {
  readonly #parts: CautiousParts<T>
  /** Names begun with care, by partition; undefined: of all partitions. */
  readonly #careful = new Set<number | undefined>()
  /** Timers of names that were begun. */
  readonly #lasting = new Map<string, NodeJS.Timeout>()
  readonly #waiting: BusEntry<T>[] = []
  #ready: BusEntry<T>[] = []
  #marked: { readonly entry: BusEntry<T>; readonly timer: NodeJS.Timeout } | undefined
  #isMarking = false
  #available: () => void = () => undefined

  constructor(parts: CautiousParts<T>) {
    this.#parts = parts
  }

  get generation(): number {
    return this.#parts.consumer.generation
  }

  /**
   * Reading begins: of one partition, or of all. `name` is what is counted by. Call `ended` when it ends as it should.
   */
  async begin(name: string, partition?: number): Promise<void> {
    const { caution, lastsMs = LASTS_MS, onFault } = this.#parts
    const isCareful = await caution.begin(name)
    if (isCareful) this.#careful.add(partition)
    clearTimeout(this.#lasting.get(name))
    const timer = setTimeout(() => {
      this.#lasting.delete(name)
      this.#careful.delete(partition)
      this.#available()
      caution.lasted([name]).catch(onFault)
    }, lastsMs)
    this.#lasting.set(name, timer.unref())
  }

  /** Reading of what goes by these names ends as it should. */
  ended(names: readonly string[]): Promise<void> {
    for (const name of names) {
      clearTimeout(this.#lasting.get(name))
      this.#lasting.delete(name)
    }
    return this.#parts.caution.lasted(names)
  }

  poll(limit: number): BusEntry<T>[] {
    const { consumer } = this.#parts
    if (this.#careful.size === 0 && this.#waiting.length + this.#ready.length === 0)
      return consumer.poll(limit)
    const given = this.#ready
    this.#ready = []
    // What waits stays within the bound of what the consumer fetches, for none of it is done.
    for (const entry of this.#waiting.length < limit ? consumer.poll(limit) : []) {
      if (this.#isCarefulWith(entry)) this.#waiting.push(entry)
      else given.push(entry)
    }
    this.#markNext()
    return given
  }

  onAvailable(listener: () => void): void {
    this.#available = listener
    this.#parts.consumer.onAvailable(listener)
  }

  done(entry: BusEntry<T>, refusal?: Reason): void {
    this.#parts.consumer.done(entry, refusal)
    if (this.#marked?.entry === entry) this.#clear()
  }

  #isCarefulWith({ partition }: BusEntry<T>): boolean {
    return this.#careful.has(undefined) || this.#careful.has(partition)
  }

  #markNext(): void {
    if (this.#isMarking || this.#marked !== undefined) return
    const entry = this.#waiting.shift()
    if (entry === undefined) return
    this.#isMarking = true
    this.#mark(entry).catch((error: unknown) => {
      this.#isMarking = false
      this.#parts.onFault(error)
      this.#hand(entry)
    })
  }

  async #mark(entry: BusEntry<T>): Promise<void> {
    const { caution, keyOf, consumer, onCondemned, harmlessMs = HARMLESS_MS } = this.#parts
    const deaths = await caution.mark(keyOf(entry))
    this.#isMarking = false
    if (deaths >= DEATHS) {
      // Its mark stays: whoever meets it again steps over it, too.
      onCondemned(entry.value, deaths)
      consumer.done(entry, 'internal-error')
      return this.#available()
    }
    this.#marked = { entry, timer: setTimeout(() => this.#clear(), harmlessMs) }
    this.#hand(entry)
  }

  #hand(entry: BusEntry<T>): void {
    this.#ready.push(entry)
    this.#available()
  }

  #clear(): void {
    const { caution, keyOf, onFault } = this.#parts
    if (this.#marked === undefined) return
    const { entry, timer } = this.#marked
    clearTimeout(timer)
    caution
      .clear(keyOf(entry))
      .catch(onFault)
      .finally(() => {
        this.#marked = undefined
        this.#available()
      })
  }
}
