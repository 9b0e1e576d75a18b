import type { BusConsumer, BusEntry } from '@bgs/contract/bus/bus.ts'
import { type Caution, isGuilty, type Suspect, shareOf } from './caution.ts'

/** Whoever reads for so long without dying has got past what killed those before it. */
const LASTS_MS = 30_000
/** What is not done after so long waits for something, and others have their turn; it stays marked. */
const WAITS_MS = 250
/** One that has its turn alone has it longer: it may wait for a look-up before it does harm. */
const ALONE_WAITS_MS = 6_000
/** Marks of what is done are taken away so often. */
const CLEAR_EVERY_MS = 100
/** What is in hand is refilled once it is no more than this part of what may be. */
const REFILL_BELOW = 0.5
/** What a sum of fractions may be off by. */
const ROUNDING = 1e-9

export interface CautiousParts<T> {
  readonly consumer: BusConsumer<T>
  readonly caution: Caution
  /**
   * Names an entry beyond the life of a process: the same for each that reads it, and no other's. Undefined: it is no
   * stranger's, and needs no care.
   */
  readonly keyOf: (entry: BusEntry<T>) => string | undefined
  /** Hears of an entry that is stepped over, for `deaths` processes died over it alone. */
  readonly onCondemned: (value: T, deaths: number) => void
  /** Where the database fails it is read on without care. */
  readonly onFault: (error: unknown) => void
  /** For tests. */
  readonly lastsMs?: number
  readonly waitsMs?: number
  readonly aloneWaitsMs?: number
}

/** An entry that is marked and handed out. */
interface InHand {
  readonly key: string
  readonly isAlone: boolean
  /** Of what may be in hand; 0: it waits for something. */
  share: number
}

/**
 * Reads on although an entry ends the process that takes it (invariant 14). Most of the time it hands out what there is.
 * After a process has ended soon after it began, by a fault that it noted, or several have for minutes, whatever it was by,
 * the next one goes with care:
 *
 * 1. Entries are marked in the database, and handed out only then: not more of them than may be in hand at a time.
 * 2. An entry that is done loses its mark. One that waits for something keeps it, but others have their turn.
 * 3. Where the process dies the marks stay, for who begins after it. One that ends by a fault of its own notes that.
 * 4. The more evidence there is against an entry, the fewer others go with it; in the end it goes alone.
 * 5. One that several died over who had it alone is refused as `internal-error`, kept and told of; what is behind it goes on.
 *
 * A process that is killed from outside is no evidence for two minutes, for what it had in hand by chance is done soon: who
 * is killed again and again is not slowed by it, and loses nothing.
 */
export class CautiousConsumer<T> implements BusConsumer<T> {
  readonly #parts: CautiousParts<T>
  /** Names begun with care, by partition; undefined: of all partitions. */
  readonly #careful = new Set<number | undefined>()
  /** What is read: partitions, undefined: all of them, and the timers after which it has lasted. */
  readonly #begun = new Map<
    string,
    { readonly partition: number | undefined; readonly timer: NodeJS.Timeout }
  >()
  #waiting: BusEntry<T>[] = []
  #ready: BusEntry<T>[] = []
  readonly #inHand = new Map<BusEntry<T>, InHand>()
  /** Sum of the shares of what is in hand. */
  #taken = 0
  #isMarking = false
  /** Done, and still marked. */
  #done: string[] = []
  #clearing: NodeJS.Timeout | undefined
  /** What others died over. */
  #suspects: ReadonlyMap<string, Suspect> = new Map()
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
    clearTimeout(this.#begun.get(name)?.timer)
    const timer = setTimeout(() => {
      this.#careful.delete(partition)
      this.#available()
      caution.lasted([name]).catch(onFault)
    }, lastsMs)
    this.#begun.set(name, { partition, timer: timer.unref() })
  }

  /** Reading of what goes by these names ends as it should. */
  async ended(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const begun = this.#begun.get(name)
      if (begun === undefined) continue
      clearTimeout(begun.timer)
      this.#careful.delete(begun.partition)
      this.#begun.delete(name)
    }
    this.#clear()
    await this.#parts.caution.lasted(names)
  }

  poll(limit: number): BusEntry<T>[] {
    const { consumer, keyOf } = this.#parts
    if (this.#careful.size === 0 && this.#waiting.length + this.#ready.length === 0 && !this.#isMarking)
      return consumer.poll(limit)
    const given = this.#ready
    this.#ready = []
    // What waits stays within the bound of what the consumer fetches, for none of it is done.
    for (const entry of this.#waiting.length < limit ? consumer.poll(limit) : []) {
      // What comes after something that waits waits, too: order is kept.
      const isBehind = this.#waiting.length > 0 || this.#isMarking
      const isCareful = isBehind || this.#isCarefulWith(entry.partition)
      if (isCareful && keyOf(entry) !== undefined) this.#waiting.push(entry)
      else given.push(entry)
    }
    this.#markNext()
    return given
  }

  onAvailable(listener: () => void): void {
    this.#available = listener
    this.#parts.consumer.onAvailable(listener)
  }

  done(entry: BusEntry<T>): void {
    this.#parts.consumer.done(entry)
    const inHand = this.#inHand.get(entry)
    if (inHand === undefined) return
    this.#inHand.delete(entry)
    this.#done.push(inHand.key)
    // One that had its turn alone is cleared at once: what dies next did not die over it.
    if (inHand.isAlone) this.#clear()
    else this.#clearing ??= setTimeout(() => this.#clear(), CLEAR_EVERY_MS)
    this.#giveRoom(inHand)
  }

  /**
   * The process ends by a fault: notes over which entries it may be. `isOwn` false: it is one of the machine or of a server,
   * and no entry's; then those in hand lose their marks.
   */
  async noteFault(isOwn: boolean): Promise<void> {
    const inHand = [...this.#inHand.values()]
    if (!isOwn) return this.#parts.caution.clear(inHand.map(({ key }) => key))
    // What waits for something did nothing now, unless there is nothing else.
    const active = inHand.filter(({ share }) => share > 0)
    const suspected = active.length > 0 ? active : inHand
    const isAloneByChance = suspected.length === 1 && suspected[0]?.isAlone === false
    const keys = suspected.map(({ key }) => key)
    await this.#parts.caution.noteFault([...this.#begun.keys()], keys, isAloneByChance)
  }

  #isCarefulWith(partition: number): boolean {
    return this.#careful.has(undefined) || this.#careful.has(partition)
  }

  #markNext(): void {
    // Many at once: each time costs the database a commit.
    if (this.#isMarking || this.#waiting.length === 0 || this.#taken > REFILL_BELOW) return
    const { keyOf, consumer, onCondemned } = this.#parts
    const nowMs = Date.now()
    const given: (readonly [BusEntry<T>, InHand])[] = []
    let passed = 0
    for (const entry of this.#waiting) {
      const key = keyOf(entry) ?? ''
      const suspect = this.#suspects.get(key)
      if (suspect !== undefined && isGuilty(suspect, nowMs)) {
        // Its mark stays: whoever meets it again steps over it, too.
        onCondemned(entry.value, suspect.alone)
        consumer.done(entry)
      } else {
        const share = shareOf(suspect, nowMs)
        if (this.#taken + share > 1 + ROUNDING) break
        this.#taken += share
        given.push([entry, { key, isAlone: share === 1, share }])
      }
      passed++
    }
    if (passed === 0) return
    this.#waiting = this.#waiting.slice(passed)
    if (given.length === 0) return this.#available()
    this.#isMarking = true
    void this.#mark(given)
  }

  async #mark(given: readonly (readonly [BusEntry<T>, InHand])[]): Promise<void> {
    const { caution, waitsMs = WAITS_MS, aloneWaitsMs = ALONE_WAITS_MS, onFault } = this.#parts
    const isAlone = given[0]?.[1].isAlone === true
    await caution
      .mark(
        given.map(([, { key }]) => key),
        isAlone,
      )
      .catch(onFault)
    this.#isMarking = false
    for (const [entry, inHand] of given) {
      this.#inHand.set(entry, inHand)
      this.#ready.push(entry)
    }
    const timer = setTimeout(
      () => {
        for (const [entry, inHand] of given) if (this.#inHand.has(entry)) this.#noteWaiting(inHand)
      },
      isAlone ? aloneWaitsMs : waitsMs,
    )
    timer.unref()
    this.#available()
  }

  #noteWaiting(inHand: InHand): void {
    const { caution, onFault } = this.#parts
    if (inHand.isAlone) caution.noteHarmless(inHand.key).catch(onFault)
    this.#giveRoom(inHand)
  }

  #giveRoom(inHand: InHand): void {
    this.#taken -= inHand.share
    inHand.share = 0
    if (this.#waiting.length > 0) this.#available()
  }

  #clear(): void {
    const { caution, onFault } = this.#parts
    clearTimeout(this.#clearing)
    this.#clearing = undefined
    if (this.#done.length > 0) caution.clear(this.#done.splice(0)).catch(onFault)
  }
}
