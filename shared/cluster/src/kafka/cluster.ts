import type { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { type LedPartition, NO_EPOCH } from './led-partition.ts'
import { askMetadata, type BrokerAddress, type ClusterMetadata, type TopicMetadata } from './metadata.ts'
import { listOffsets, type OffsetOf } from './offsets.ts'

/** How long a broker may take for what is no long poll. */
export const REQUEST_MS = 10_000
const CONNECT_MS = 3_000
const RETRY_LEAST_MS = 50
const RETRY_MOST_MS = 1_000

/** Pause before the n-th further attempt, with jitter. */
export function retryPauseMs(attempt: number): number {
  const pause = Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** Math.min(attempt, 10))
  return pause * (0.5 + Math.random() / 2)
}

/**
 * The brokers: who leads which partition, asked anew whenever that proves wrong. Hands out connections by purpose: a
 * ConnectionSet is a set of connections, one to each broker, that nobody else uses.
 */
export class KafkaCluster {
  readonly health: ServerHealth
  /** Whether what the brokers hold can be read: a reader reports what it waits at. */
  readonly records: ServerHealth
  readonly #seeds: readonly BrokerAddress[]
  #brokers: readonly BrokerAddress[]
  #controller = -1
  #topics = new Map<string, TopicMetadata>()
  /** Ids of the topics that must not change while this process runs. */
  readonly #pinned = new Map<string, string>()
  /** Of each topic, as long as it has this id, the newest epoch of each partition's leader that was heard of. */
  readonly #epochs = new Map<string, { readonly id: string; readonly newest: number[] }>()
  /** Another broker is asked first each time: one that lags behind the rest must not have every word. */
  #turn = 0
  readonly #control: ConnectionSet
  #asking: Promise<void> | undefined

  /** `brokers`: `host:port`, at least one. */
  constructor(brokers: readonly string[], health: ServerHealth, records: ServerHealth = health) {
    this.health = health
    this.records = records
    this.#seeds = brokers.map((text, i) => {
      const at = text.lastIndexOf(':')
      return { node: -1 - i, host: text.slice(0, at), port: Number(text.slice(at + 1)) }
    })
    this.#brokers = this.#seeds
    this.#control = new ConnectionSet(this)
  }

  get brokerCount(): number {
    return this.#brokers.length
  }

  /** From now on a topic of this name with another id is refused with TopicRemadeError. */
  pin({ name, id }: TopicMetadata): void {
    this.#pinned.set(name, id)
  }

  /**
   * What is known of a topic, asked if it is not known; undefined: there is none. Throws KafkaError, and
   * TopicRemadeError where it is no longer the topic that it was.
   */
  async topic(name: string): Promise<TopicMetadata | undefined> {
    if (!this.#topics.has(name)) await this.refresh(name)
    return this.#topics.get(name)
  }

  /** Node that leads a partition. Throws KafkaError where there is none now. */
  async leader(topic: string, partition: number): Promise<number> {
    const node = (await this.topic(topic))?.leaders[partition] ?? -1
    if (node >= 0) return node
    this.forget(topic)
    throw new KafkaError('LEADER_NOT_AVAILABLE', `${topic}/${partition} has no leader now`)
  }

  /** A partition with the epoch that its leader has to have to be asked: one that was replaced and does not know it refuses. */
  led(topic: string, partition: number): LedPartition {
    return { partition, epoch: this.#epochs.get(topic)?.newest[partition] }
  }

  /** A record of this epoch was read, now or by a process before this one: an older leader has not the last word. */
  noteEpoch(topic: string, partition: number, epoch: number): void {
    const newest = this.#epochs.get(topic)?.newest
    if (newest === undefined || epoch <= (newest[partition] ?? NO_EPOCH)) return
    newest[partition] = epoch
    this.forget(topic)
  }

  /** What was known of a topic has proved wrong. */
  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Asks the brokers about a topic now: those that are known, then those of the settings. Throws if none answers. */
  async refresh(topic: string): Promise<void> {
    // One question at a time; who comes while one is under way asks after it.
    while (this.#asking !== undefined) {
      await this.#asking.catch(() => undefined)
      if (this.#topics.has(topic)) return
    }
    this.#asking = this.#ask(topic)
    try {
      await this.#asking
    } finally {
      this.#asking = undefined
    }
  }

  async #ask(topic: string): Promise<void> {
    let last: unknown
    const behind = new Map<number, TopicMetadata>()
    const at = this.#turn++ % this.#brokers.length
    const brokers = [...this.#brokers.slice(at), ...this.#brokers.slice(0, at), ...this.#seeds]
    for (const broker of brokers) {
      try {
        const connection = await this.#control.connect(broker)
        const found: ClusterMetadata = await askMetadata(connection, [topic], REQUEST_MS)
        const known = found.topics.get(topic)
        if (known !== undefined && this.#isBehind(known)) {
          last = new KafkaError('LEADER_NOT_AVAILABLE', `a broker knows only a former leader of ${topic}`)
          behind.set(broker.node, known)
          // Nor does it know which other brokers there are.
          continue
        }
        if (found.brokers.length > 0) this.#brokers = found.brokers
        this.#controller = found.controller
        if (known !== undefined) this.#note(known)
        return
      } catch (error) {
        if (error instanceof TopicRemadeError) throw error
        last = error
      }
    }
    // Where every broker says so, it is Kafka that has gone back: it was restored to what it had been.
    const [restored] = behind.values()
    if (restored !== undefined && this.#brokers.every(({ node }) => behind.has(node))) {
      this.#note(restored)
      return
    }
    throw last
  }

  /** Whether a broker has not heard yet of a leader that others have told of. */
  #isBehind({ name, id, epochs }: TopicMetadata): boolean {
    const known = this.#epochs.get(name)
    return known?.id === id && known.newest.some((epoch, i) => (epochs[i] ?? NO_EPOCH) < epoch)
  }

  #note(topic: TopicMetadata): void {
    const pinned = this.#pinned.get(topic.name)
    if (pinned !== undefined && pinned !== topic.id) throw new TopicRemadeError(topic.name)
    this.#topics.set(topic.name, topic)
    this.#epochs.set(topic.name, { id: topic.id, newest: [...topic.epochs] })
  }

  /** Node that makes topics, as of the last question; -1: not known. */
  get controller(): number {
    return this.#controller
  }

  address(node: number): BrokerAddress | undefined {
    return this.#brokers.find((broker) => broker.node === node)
  }

  /** Connections for one purpose. */
  connections(): ConnectionSet {
    return new ConnectionSet(this)
  }

  /**
   * Does something with the leader of a partition until it succeeds, or throws when `signal` is aborted. For what may
   * be done twice. A final refusal is thrown at once.
   */
  async atLeader<T>(
    connections: ConnectionSet,
    topic: string,
    partition: number,
    signal: AbortSignal,
    act: (connection: KafkaConnection) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await act(await connections.toLeader(topic, partition))
        this.health.ok()
        return result
      } catch (error) {
        if (!(error instanceof KafkaError) || error.isFinal || error.code === 'OFFSET_OUT_OF_RANGE')
          throw error
        this.health.failed(error)
        this.forget(topic)
        if (signal.aborted) throw error
        await wait(retryPauseMs(attempt), signal)
      }
    }
  }

  /** Where partitions of a topic begin or end now: one question to each leader, asked until there is an answer. */
  async offsets(
    topic: string,
    partitions: readonly number[],
    which: OffsetOf,
    signal: AbortSignal,
  ): Promise<Map<number, number>> {
    const found = new Map<number, number>()
    for (let attempt = 0; ; attempt++) {
      try {
        const byNode = new Map<number, number[]>()
        for (const partition of partitions) {
          if (found.has(partition)) continue
          const node = await this.leader(topic, partition)
          byNode.set(node, [...(byNode.get(node) ?? []), partition])
        }
        for (const [node, group] of byNode) {
          const connection = await this.#control.toNode(node)
          const led = group.map((partition) => this.led(topic, partition))
          const offsets = await listOffsets(connection, topic, led, which, REQUEST_MS)
          for (const [partition, offset] of offsets) found.set(partition, offset)
        }
        this.health.ok()
        return found
      } catch (error) {
        if (!(error instanceof KafkaError) || error.isFinal) throw error
        this.health.failed(error)
        this.forget(topic)
        if (signal.aborted) throw error
        await wait(retryPauseMs(attempt), signal)
      }
    }
  }

  close(): void {
    this.#control.close()
  }
}

/** A set of connections, one to each broker, for one purpose. */
export class ConnectionSet {
  readonly #cluster: KafkaCluster
  readonly #connections = new Map<string, Promise<KafkaConnection>>()
  #closed = false

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster
  }

  async toLeader(topic: string, partition: number): Promise<KafkaConnection> {
    return this.toNode(await this.#cluster.leader(topic, partition))
  }

  toNode(node: number): Promise<KafkaConnection> {
    const address = this.#cluster.address(node)
    if (address === undefined)
      return Promise.reject(new KafkaError('LEADER_NOT_AVAILABLE', `Kafka broker ${node} is not known now`))
    return this.connect(address)
  }

  /** The open connection to a broker, or a new one. */
  async connect({ host, port }: BrokerAddress): Promise<KafkaConnection> {
    const key = `${host}:${port}`
    const known = this.#connections.get(key)
    if (known !== undefined) {
      const connection = await known.catch(() => undefined)
      if (connection?.isOpen) return connection
      if (this.#connections.get(key) !== known) return this.connect({ node: -1, host, port })
    }
    if (this.#closed) throw new KafkaError('DISCONNECTED', 'closed here')
    const opening = KafkaConnection.open(host, port, CONNECT_MS)
    this.#connections.set(key, opening)
    return opening
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#connections.values()) {
      connection.then(
        (open) => open.close(),
        () => undefined,
      )
    }
    this.#connections.clear()
  }
}

/**
 * A topic was deleted and made anew, or has lost its end, while this process works with it: its offsets are given
 * anew, and what this process knows of it, its generation (invariant 2) first, holds no longer. The process has to
 * start again.
 */
export class TopicRemadeError extends Error {
  override name = 'TopicRemadeError'
  readonly code = 'topic-remade'

  constructor(topic: string) {
    super(`the offsets of ${topic} are given anew: this process knows it as it was, and has to start again`)
  }
}
