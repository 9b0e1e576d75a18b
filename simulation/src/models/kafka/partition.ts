import { ERRORS, type ErrorCode } from './errors.ts'
import type { HomeTimers } from './home-timers.ts'
import { PartitionLog } from './partition-log.ts'
import type { TopicSettings } from './topic-settings.ts'

/** Nobody leads a partition. */
const NO_LEADER = -1

export interface PartitionParts {
  readonly replicas: readonly number[]
  readonly settings: TopicSettings
  readonly timers: HomeTimers
  readonly chance: () => number
  /** How long it takes until the followers have a record, ms. */
  readonly replicationMs: () => number
  /** Whether these brokers are at work: a follower that is not holds up the high watermark. */
  readonly areAtWork: (brokers: readonly number[]) => boolean
}

/**
 * One partition with its replicas. There is one log for all of them, for only one that is in sync ever leads (no unclean
 * election but `loseTail`). What its followers do not have yet is lost or kept, by chance, when another one leads.
 */
export class Partition {
  readonly log = new PartitionLog()
  leader = NO_LEADER
  epoch = -1
  isr: readonly number[]
  /** The high watermark: what stands before it is in all replicas that are in sync, and is what consumers see. */
  highWatermark = 0
  isDeleted = false
  readonly parts: PartitionParts
  /** Who led it last, though nobody may now. */
  #lastLeader = NO_LEADER
  #epochStart = 0
  /** What stands before it was committed, and stays, though a new leader may not know of it yet. */
  #committedEnd = 0
  readonly #listeners = new Set<() => void>()

  constructor(parts: PartitionParts) {
    this.parts = parts
    this.isr = parts.replicas
  }

  /** Whether a new leader does not know yet how far its log is committed: where it ends is not told then (KIP-207). */
  get isEndUnknown(): boolean {
    return this.highWatermark < this.#epochStart
  }

  /** Calls it back whenever it may have more to read, another leader, or be gone. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  append(batch: Buffer): number {
    const base = this.log.append(batch, this.epoch, this.parts.settings.segmentBytes)
    this.settle()
    return base
  }

  /**
   * Resolves once all before an offset is in the replicas that are in sync, or no longer can come to be under this epoch.
   */
  committed(end: number, epoch: number, timeoutMs: number): Promise<ErrorCode> {
    return new Promise((resolve) => {
      const look = () => {
        const outcome = this.#outcome(end, epoch)
        if (outcome !== undefined) done(outcome)
      }
      const done = (outcome: ErrorCode) => {
        clearTimeout(timer)
        stop()
        resolve(outcome)
      }
      const timer = setTimeout(() => done(ERRORS.REQUEST_TIMED_OUT), timeoutMs)
      const stop = this.onChange(look)
      look()
    })
  }

  #outcome(end: number, epoch: number): ErrorCode | undefined {
    if (this.isDeleted) return ERRORS.UNKNOWN_TOPIC_OR_PARTITION
    if (this.epoch !== epoch || this.leader === NO_LEADER) return ERRORS.NOT_LEADER_OR_FOLLOWER
    if (this.highWatermark < end) return undefined
    return this.isShort ? ERRORS.NOT_ENOUGH_REPLICAS_AFTER_APPEND : ERRORS.NONE
  }

  /** Fewer replicas are in sync than must be for anything to be appended. */
  get isShort(): boolean {
    return this.isr.length < this.parts.settings.minInsync
  }

  /** Chooses a leader among those that are in sync, and takes out of these who is not alive. */
  elect(alive: (broker: number) => boolean): void {
    const inSync = this.isr.filter(alive)
    // Whoever was in sync last keeps that: it alone may lead again.
    if (inSync.length === 0) {
      this.leader = NO_LEADER
      return this.#changed()
    }
    this.isr = inSync
    if (inSync.includes(this.leader)) this.settle()
    else this.lead(this.parts.replicas.find((broker) => inSync.includes(broker)) as number)
  }

  /** A replica has caught up. */
  join(broker: number): void {
    if (this.isr.includes(broker)) return
    this.isr = this.parts.replicas.filter((one) => one === broker || this.isr.includes(one))
    this.settle()
  }

  /** Another leader, of the next epoch; or the same one after it was away. */
  lead(broker: number): void {
    const { chance, timers, replicationMs } = this.parts
    if (broker !== this.#lastLeader && this.#lastLeader !== NO_LEADER) {
      const ends = this.log.boundaries(this.#committedEnd)
      this.log.cut(ends[Math.floor(chance() * ends.length)] ?? this.log.end)
      // A follower hears a moment later than the leader what is committed: what consumers see may go back.
      const last = this.log.boundaries(Math.max(this.log.start, this.highWatermark - 1))[0] ?? 0
      if (chance() < 0.5) this.highWatermark = Math.min(this.highWatermark, last)
    }
    this.leader = broker
    this.#lastLeader = broker
    this.#beginEpoch()
    // Those in sync are heard of first.
    timers.after(this.isr.length > 1 ? replicationMs() : 0, () => this.settle())
  }

  /** Loses its last records, as where one that is not in sync has to lead: their offsets are given to others. */
  loseTail(records: number): void {
    this.log.cut(Math.max(this.log.start, this.log.end - records))
    this.highWatermark = Math.min(this.highWatermark, this.log.end)
    this.#committedEnd = Math.min(this.#committedEnd, this.log.end)
    this.#beginEpoch()
  }

  delete(): void {
    this.isDeleted = true
    this.#changed()
  }

  /** Lets the followers have what they do not have yet, if they can. */
  settle(): void {
    const { epoch } = this
    const { end } = this.log
    const { timers, replicationMs } = this.parts
    timers.after(this.isr.length > 1 ? replicationMs() : 0, () => this.#replicated(epoch, end))
  }

  #replicated(epoch: number, end: number): void {
    // With fewer than must be nothing counts as committed, either (KIP-966).
    const isHeldUp = this.leader === NO_LEADER || this.isShort || !this.parts.areAtWork(this.isr)
    if (epoch !== this.epoch || isHeldUp) return
    this.highWatermark = Math.max(this.highWatermark, end)
    this.#committedEnd = Math.max(this.#committedEnd, end)
    this.#changed()
  }

  #beginEpoch(): void {
    this.epoch++
    this.#epochStart = this.log.end
    this.log.beginEpoch(this.epoch)
    this.#changed()
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
