import type { Reason } from '../verdict/reason.ts'
import type { BusConsumer, BusEntry } from './bus.ts'
import { type Caution, TOGETHER } from './caution.ts'

/** Whoever reads for so long without dying has got past what killed those before it. */
const LASTS_MS = 30_000
/** What is not done after so long waits for something, and kills nobody: what comes next is handed out. */
const HARMLESS_MS = 250

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
 * After a process has ended without a word, soon after it began, the next one goes with care:
 *
 * 1. Some entries are marked in the database, and handed out only then. Of those that were marked when somebody died fewer
 *    are handed out together, in the end one alone.
 * 2. When they are done, or have done no harm for a quarter of a second, the marks go, and the next ones have their turn.
 * 3. Where the process dies meanwhile the marks stay, for who begins after it.
 * 4. An entry that four died over, the last two times alone, is refused as `internal-error`, kept and told of; what is
 *    behind it goes on.
 *
 * A process that is killed from outside leaves marks, too; that it meets the same entry alone twice more, within the
 * moment that one takes, does not happen by chance.
 */
export class CautiousConsumer<T> implements BusConsumer<T> {
  readonly #parts: CautiousParts<T>
  /** Names begun with care, by partition; undefined: of all partitions. */
  readonly #careful = new Set<number | undefined>()
  /** Timers of names that were begun. */
  readonly #lasting = new Map<string, NodeJS.Timeout>()
  #waiting: BusEntry<T>[] = []
  /** Being marked: handed out next. */
  #marking: readonly BusEntry<T>[] = []
  #ready: BusEntry<T>[] = []
  /** Handed out and marked; of those that are not done. */
  readonly #marked = new Set<BusEntry<T>>()
  /** Keys of all that were marked together. */
  #keys: readonly string[] = []
  #harmless: NodeJS.Timeout | undefined
  #isBusy = false
  /** Marked when somebody died, and how often. */
  #suspects: ReadonlyMap<string, number> = new Map()
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
    if (isCareful) {
      this.#suspects = await caution.suspects()
      this.#careful.add(partition)
    }
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
    const waited = this.#waiting
    if (this.#careful.size === 0 && waited.length + this.#marking.length + this.#ready.length === 0)
      return consumer.poll(limit)
    const given = this.#ready
    this.#ready = []
    // What waits stays within the bound of what the consumer fetches, for none of it is done.
    const fetched = waited.length < limit ? consumer.poll(limit) : []
    // Care may end while older entries of a partition still wait: nothing is handed out before them (invariant 3).
    const behind = new Set(this.#marking.map(({ partition }) => partition))
    this.#waiting = []
    for (const entry of [...waited, ...fetched]) {
      if (!this.#isCarefulWith(entry) && !behind.has(entry.partition)) given.push(entry)
      else {
        behind.add(entry.partition)
        this.#waiting.push(entry)
      }
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
    if (this.#marked.delete(entry) && this.#marked.size === 0) this.#clear()
  }

  #isCarefulWith({ partition }: BusEntry<T>): boolean {
    return this.#careful.has(undefined) || this.#careful.has(partition)
  }

  #markNext(): void {
    if (this.#isBusy || this.#waiting.length === 0) return
    const { keyOf, consumer, onCondemned } = this.#parts
    const deathsOf = (entry: BusEntry<T>) => this.#suspects.get(keyOf(entry)) ?? 0
    const first = this.#waiting[0] as BusEntry<T>
    const deaths = deathsOf(first)
    const most = TOGETHER[deaths]
    if (most === undefined) {
      // Its mark stays: whoever meets it again steps over it, too.
      this.#waiting.shift()
      onCondemned(first.value, deaths)
      consumer.done(first, 'internal-error')
      return this.#available()
    }
    // With others of which as much is known: who is suspected more has its turn alone, or nearly so.
    const next = this.#waiting.slice(0, most).findIndex((entry) => deathsOf(entry) !== deaths)
    const count = next < 0 ? most : next
    this.#isBusy = true
    this.#mark(this.#waiting.splice(0, count)).catch((error: unknown) => {
      this.#isBusy = false
      this.#parts.onFault(error)
    })
  }

  async #mark(entries: readonly BusEntry<T>[]): Promise<void> {
    const { caution, keyOf, harmlessMs = HARMLESS_MS, onFault } = this.#parts
    this.#marking = entries
    this.#keys = entries.map(keyOf)
    await caution.mark(this.#keys).catch(onFault)
    for (const entry of entries) this.#marked.add(entry)
    this.#harmless = setTimeout(() => this.#clear(), harmlessMs)
    this.#marking = []
    this.#ready.push(...entries)
    this.#available()
  }

  #clear(): void {
    const { caution, onFault } = this.#parts
    clearTimeout(this.#harmless)
    this.#marked.clear()
    caution
      .clear(this.#keys)
      .catch(onFault)
      .finally(() => {
        this.#isBusy = false
        this.#available()
      })
  }
}
