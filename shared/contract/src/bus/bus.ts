/**
 * The bus between the stages (ARCHITECTURE.md, "The frame's way"): publish to a partition, be told what is
 * safe, consume, say done. A stage that publishes hands in a token for each record and hears of it again
 * exactly once, when the record need not be offered again: on the in-memory bus when its outcome is durable
 * (appended to the log, or rejected for good), on Kafka when it is appended.
 */

/** One record taken from a topic. Positions rise within a partition and are not reused within a generation. */
export interface BusEntry<T> {
  readonly partition: number
  readonly position: number
  readonly value: T
  /** Of the leader of the partition that its record was written under; without one where positions end with the process. */
  readonly leaderEpoch?: number
}

/** How far a partition has been read. */
export interface PartitionLag {
  readonly partition: number
  /** Records that are not done. */
  readonly records: number
  /** How long ago the oldest of them was appended; undefined: there is none, or none that was looked at yet. */
  readonly oldestAgeMs: number | undefined
}

export interface BusProducer<T, Token> {
  /** Appends to a partition, in call order. `bytes` is what the record weighs against the topic's bound. */
  publish(partition: number, value: T, bytes: number, token: Token): void
  /** Undefined while the topic has room; else a promise that resolves when it has (back-pressure, invariant 12). */
  room(): Promise<void> | undefined
}

export interface BusConsumer<T> {
  /** Generation of the topic (invariant 2): raised whenever its positions start anew. */
  readonly generation: number
  /** Records that are due, at most `limit`, each partition in order; empty if there are none, or they wait for others. */
  poll(limit: number): BusEntry<T>[]
  /** Calls back whenever `poll` has something to give after it had nothing. */
  onAvailable(listener: () => void): void
  /** This record's outcome is final. Records may be finished in any order; the bus keeps the low-water mark. */
  done(entry: BusEntry<T>): void
}

export interface BusTopic<T> {
  /** `onSafe` is called once for each token, not in publish order. It must not throw. */
  producer<Token>(onSafe: (token: Token) => void): BusProducer<T, Token>
  consumer(): BusConsumer<T>
  /** Bytes published and not yet done. */
  readonly pendingBytes: number
  readonly pendingRecords: number
  lags(): PartitionLag[]
}
