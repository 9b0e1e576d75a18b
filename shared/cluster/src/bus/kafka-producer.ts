import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import { ENTRIES_PER_RECORD } from '@bgs/contract/bus/position.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import { Notify } from '@bgs/runtime/service/notify.ts'
import { type ConnectionSet, type KafkaCluster, REQUEST_MS, retryPauseMs } from '../kafka/cluster.ts'
import { KafkaError } from '../kafka/kafka-error.ts'
import { produce } from '../kafka/produce.ts'

/** One record takes no more than this, unless a single value is larger. */
const RECORD_BYTES = 512 * 1024
/** Values of so many bytes wait for no others. */
const LINGER_BYTES = 256 * 1024

export interface KafkaProducerOptions<T, Token> {
  readonly cluster: KafkaCluster
  readonly topic: string
  readonly partitions: number
  /** Makes one record of values that lie next to each other in a partition; at most ENTRIES_PER_RECORD. */
  readonly encode: (values: readonly T[]) => Uint8Array
  /** Bytes that are not appended yet at which there is no room for more. */
  readonly maxBytes: number
  /** How long a first value waits for others, as long as they are few. */
  readonly lingerMs: number
  /** Also of a value that could not be written down: nothing will come of it. */
  readonly onSafe: (token: Token) => void
  /** Hears of a value that could not be written down: a fault of ours, for what is published was bounded before. */
  readonly onUnwritable: (value: T, error: unknown) => void
  /** Hears of each record that was appended. */
  readonly onAppended?: (partition: number, offset: number, bytes: number) => void
  /** More reason to wait than the bytes on their way: what is consumed too slowly. */
  readonly full?: () => Promise<void> | undefined
}

interface Waiting<T, Token> {
  readonly value: T
  readonly bytes: number
  readonly token: Token
}

/** What is on its way to one partition. */
interface Outbox<T, Token> {
  readonly partition: number
  waiting: Waiting<T, Token>[]
  /** A record that is being appended, or is to be offered again: nothing goes before it. */
  sending: { readonly record: Uint8Array; readonly entries: readonly Waiting<T, Token>[] } | undefined
  underWay: boolean
  attempts: number
  retryAtMs: number
  /** Since when it is offered without any answer of a broker; undefined: it is not. */
  offeredMs: number | undefined
}

/**
 * Appends to the partitions of a topic. Of each partition one record is under way; until it is acknowledged the very
 * same bytes are offered again, and nothing later is, so that what a partition holds of this producer is always a
 * prefix, with repeats at most (invariant 3): repeats are what the sequencer drops (invariant 2). No producer id is
 * used: its number of a batch would guard against the same repeats, and fails for good after 2^31 of them.
 */
export class KafkaProducer<T, Token> implements BusProducer<T, Token> {
  pendingBytes = 0
  pendingRecords = 0
  /** Times that a record has to be offered again, or its partition had no leader. */
  retries = 0
  /** Values that could not be written down. */
  unwritable = 0
  readonly #options: KafkaProducerOptions<T, Token>
  readonly #outboxes: Outbox<T, Token>[]
  readonly #connections: ConnectionSet
  readonly #notify = new Notify()
  /** Of values that are in no record yet; and rings once they need wait no longer. */
  #waitingBytes = 0
  readonly #enough = new Notify()
  #room: { promise: Promise<void>; resolve: () => void } | undefined
  #fault: unknown

  constructor(options: KafkaProducerOptions<T, Token>) {
    this.#options = options
    this.#connections = options.cluster.connections()
    this.#outboxes = Array.from({ length: options.partitions }, (_, partition) => ({
      partition,
      waiting: [],
      sending: undefined,
      underWay: false,
      attempts: 0,
      retryAtMs: 0,
      offeredMs: undefined,
    }))
  }

  publish(partition: number, value: T, bytes: number, token: Token): void {
    const outbox = this.#outboxes[partition]
    if (outbox === undefined) throw new RangeError(`no partition ${partition}`)
    outbox.waiting.push({ value, bytes, token })
    this.pendingBytes += bytes
    this.#waitingBytes += bytes
    if (this.#waitingBytes >= LINGER_BYTES && this.#waitingBytes - bytes < LINGER_BYTES) this.#enough.notify()
    this.pendingRecords++
    if (this.pendingRecords === 1) this.#notify.notify()
  }

  room(): Promise<void> | undefined {
    if (this.pendingBytes >= this.#options.maxBytes) {
      this.#room ??= Promise.withResolvers<void>()
      return this.#room.promise
    }
    return this.#options.full?.()
  }

  /** For how long the record that waits longest is offered without any answer, be it a refusal; 0: there is none. */
  unansweredMs(): number {
    const nowMs = performance.now()
    return Math.max(0, ...this.#outboxes.map(({ offeredMs }) => nowMs - (offeredMs ?? nowMs)))
  }

  /** Appends until `signal` is aborted; what is not acknowledged then is given up, and comes again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#fault !== undefined) throw this.#fault
      if (this.pendingRecords === 0) await this.#notify.wait(1_000, signal)
      else await this.#enough.wait(this.#options.lingerMs, signal)
      await this.#dispatch()
    }
    this.#connections.close()
  }

  /** Offers what is due, grouped by the broker that leads the partitions. */
  async #dispatch(): Promise<void> {
    const nowMs = performance.now()
    const byNode = new Map<number, Outbox<T, Token>[]>()
    for (const outbox of this.#outboxes) {
      if (outbox.underWay || outbox.retryAtMs > nowMs) continue
      if (outbox.sending === undefined && outbox.waiting.length === 0) continue
      outbox.offeredMs ??= nowMs
      try {
        const node = await this.#options.cluster.leader(this.#options.topic, outbox.partition)
        const group = byNode.get(node)
        if (group === undefined) byNode.set(node, [outbox])
        else group.push(outbox)
      } catch (error) {
        this.#putOff(outbox, error)
      }
    }
    for (const [node, due] of byNode) {
      for (const outbox of due) this.#fill(outbox)
      const group = due.filter(({ sending }) => sending !== undefined)
      if (group.length === 0) continue
      this.#send(node, group).catch((error: unknown) => {
        this.#fault ??= error
      })
    }
  }

  #fill(outbox: Outbox<T, Token>): void {
    outbox.underWay = true
    if (outbox.sending !== undefined) return
    let count = 0
    let bytes = 0
    while (count < outbox.waiting.length && count < ENTRIES_PER_RECORD) {
      bytes += (outbox.waiting[count] as Waiting<T, Token>).bytes
      if (count > 0 && bytes > RECORD_BYTES) break
      count++
    }
    const entries = outbox.waiting.slice(0, count)
    outbox.waiting = outbox.waiting.slice(count)
    for (const entry of entries) this.#waitingBytes -= entry.bytes
    outbox.sending = this.#encode(entries)
    if (outbox.sending !== undefined) return
    outbox.underWay = false
    outbox.offeredMs = undefined
  }

  /** Invariant 14: a value that cannot be written down is let go of alone, and ends nothing. Undefined: none is left. */
  #encode(entries: readonly Waiting<T, Token>[]): Outbox<T, Token>['sending'] {
    const { encode } = this.#options
    try {
      return { record: encode(entries.map(({ value }) => value)), entries }
    } catch {
      const good = entries.filter((entry) => this.#isWritable(entry))
      return good.length === 0 ? undefined : { record: encode(good.map(({ value }) => value)), entries: good }
    }
  }

  #isWritable({ value, bytes, token }: Waiting<T, Token>): boolean {
    try {
      this.#options.encode([value])
      return true
    } catch (error) {
      this.pendingBytes -= bytes
      this.pendingRecords--
      this.unwritable++
      this.#options.onUnwritable(value, error)
      this.#options.onSafe(token)
      return false
    }
  }

  async #send(node: number, group: readonly Outbox<T, Token>[]): Promise<void> {
    const { topic, cluster } = this.#options
    const records = group.map(({ partition, sending }) => ({
      partition,
      value: (sending as NonNullable<typeof sending>).record,
    }))
    try {
      const connection = await this.#connections.toNode(node)
      const produced = await produce(connection, topic, records, REQUEST_MS)
      for (const { partition, offset, error } of produced) {
        const outbox = group.find((one) => one.partition === partition) as Outbox<T, Token>
        outbox.offeredMs = undefined
        if (error === undefined) this.#acknowledged(outbox, offset)
        else if (error.isFinal) throw error
        else this.#putOff(outbox, error)
      }
    } catch (error) {
      if (!(error instanceof KafkaError) || error.isFinal) throw error
      for (const outbox of group) if (outbox.underWay) this.#putOff(outbox, error)
    } finally {
      this.#notify.notify()
      if (this.#waitingBytes >= LINGER_BYTES) this.#enough.notify()
    }
    if (group.every(({ attempts }) => attempts === 0)) cluster.health.ok()
  }

  #acknowledged(outbox: Outbox<T, Token>, offset: number): void {
    const { record, entries } = outbox.sending as NonNullable<(typeof outbox)['sending']>
    outbox.sending = undefined
    outbox.underWay = false
    outbox.attempts = 0
    crashPoint('after-produce')
    this.#options.onAppended?.(outbox.partition, offset, record.length)
    for (const { bytes, token } of entries) {
      this.pendingBytes -= bytes
      this.pendingRecords--
      this.#options.onSafe(token)
    }
    if (this.#room !== undefined && this.pendingBytes < this.#options.maxBytes * 0.75) {
      this.#room.resolve()
      this.#room = undefined
    }
  }

  #putOff(outbox: Outbox<T, Token>, error: unknown): void {
    if (!(error instanceof KafkaError)) throw error
    const { cluster, topic } = this.#options
    this.retries++
    cluster.health.failed(error)
    cluster.forget(topic)
    // No leader now: nobody's record would be taken.
    if (error.code === 'LEADER_NOT_AVAILABLE') outbox.offeredMs = undefined
    outbox.underWay = false
    outbox.retryAtMs = performance.now() + retryPauseMs(outbox.attempts++)
  }
}
