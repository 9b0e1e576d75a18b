import { readBatches, type WireRecord } from '@bgs/cluster/kafka/record-batch.ts'
import type { Broker, BrokerAddress } from './broker.ts'
import { BrokerLives } from './broker-lives.ts'
import { Cluster, type ClusterPace } from './cluster.ts'
import type { TopicSpec } from './topic.ts'

/** One broker by its id, or all of them. */
export type Brokers = number | 'all'

export interface KafkaModelOptions {
  readonly brokers: readonly BrokerAddress[]
  /** All chance of the model, in [0, 1). */
  readonly chance: () => number
  readonly pace?: Partial<ClusterPace>
  /** Of each broker's disk. */
  readonly capacityBytes?: number
}

/** Of a partition: its first record, how far it is committed, and how far its leader has written. */
export interface PartitionBounds {
  readonly start: number
  readonly highWatermark: number
  readonly end: number
  readonly leader: number
  readonly epoch: number
}

/**
 * A cluster of Kafka brokers, each of them controller as well, in memory. What they hold outlives the processes that
 * `listen` for them, as on disks. They speak the protocol in the versions of our own client, over plain `node:net`.
 *
 * Promised, as by Kafka: offsets rise by one; a batch is there whole or not at all; what was acknowledged by all that are
 * in sync stays, in its place; what consumers see is that; the epoch rises with each leader. All else can be broken here.
 * A fault lasts until it is taken back, by the method that is named beside it.
 */
export class KafkaModel {
  /** May be changed at any time. */
  readonly pace: ClusterPace
  readonly #cluster: Cluster
  readonly #lives: BrokerLives

  constructor({ brokers, chance, pace = {}, capacityBytes }: KafkaModelOptions) {
    this.#cluster = new Cluster(brokers, chance)
    this.pace = Object.assign(this.#cluster.pace, pace)
    if (capacityBytes !== undefined) this.#cluster.capacityBytes = capacityBytes
    this.#lives = new BrokerLives(this.#cluster)
  }

  /** Comma separated host:port of all, as a client is told them. */
  get addresses(): string {
    return [...this.#cluster.brokers.values()].map(({ host, port }) => `${host}:${port}`).join()
  }

  /** Starts a broker: its ports are opened in the process that calls this. Resolves when it answers. */
  listen(id: number): Promise<void> {
    return this.#lives.start(this.#cluster.broker(id))
  }

  /** Lets a broker end properly: others lead what it led by then. `listen` starts it again. */
  stop(id: number): void {
    this.#lives.stop(this.#cluster.broker(id))
  }

  /**
   * A broker dies at once, as its process: connections are reset. Others lead what it led when its session is over; what
   * they did not have yet is lost or kept, by chance. `listen` starts it again.
   */
  kill(id: number): void {
    this.#lives.kill(this.#cluster.broker(id))
  }

  /** A broker takes connections and requests, and answers nothing. Others lead when its session is over. Until `resume`. */
  hang(at: Brokers): void {
    for (const broker of this.#brokers(at)) this.#lives.hang(broker)
  }

  /**
   * It goes on with what it was asked. Where others lead by now it hears of that a moment later (`pace.newsMs`): till then it
   * takes itself for what it was.
   */
  resume(at: Brokers): void {
    for (const broker of this.#brokers(at)) this.#lives.resume(broker)
  }

  /** A broker hears nothing of the cluster: it tells of it, and acts, as it was. Until `thaw`. */
  freeze(at: Brokers): void {
    for (const broker of this.#brokers(at)) this.#lives.freeze(broker)
  }

  /** It hears of all a moment later (`pace.newsMs`). */
  thaw(at: Brokers): void {
    for (const broker of this.#brokers(at)) this.#lives.thaw(broker)
  }

  /** Each request waits so many ms before anything is done with it; 0: no longer. */
  slow(at: Brokers, ms: number): void {
    for (const { mood } of this.#brokers(at)) mood.slowMs = ms
  }

  /** Says that a quota is used up: reads nothing of a connection for so many ms after each answer (KIP-219); 0: no longer. */
  throttle(at: Brokers, ms: number): void {
    for (const { mood } of this.#brokers(at)) mood.throttleMs = ms
  }

  /** Fetches find nothing although there is something; false: no longer. */
  blind(at: Brokers, isBlind: boolean): void {
    for (const { mood } of this.#brokers(at)) mood.isBlind = isBlind
  }

  /** So many produce requests are carried out, and their connections end without an answer: the outcome is not known. */
  loseAnswers(at: Brokers, count: number): void {
    for (const { mood } of this.#brokers(at)) mood.lostAnswers = count
  }

  /** Another one that is in sync and alive leads, by chance. Returns its id; undefined where there is no other. */
  moveLeader(topic: string, partition: number): number | undefined {
    return this.#cluster.move(this.#cluster.partition(topic, partition))
  }

  /** Moves the leaders of all partitions that can be moved. */
  moveLeaders(): void {
    for (const { partitions } of this.#cluster.topics.values())
      for (const partition of partitions) this.#cluster.move(partition)
  }

  /**
   * A partition loses its last records, though they were acknowledged, as by an unclean election or a lost power: the epoch
   * rises, and what comes next takes their offsets.
   */
  loseTail(topic: string, partition: number, records: number): void {
    this.#cluster.partition(topic, partition).loseTail(records)
  }

  createTopic(spec: TopicSpec): void {
    this.deleteTopic(spec.name)
    this.#cluster.create(spec)
  }

  /** With all that is in it. Made again, it is another, with another id. */
  deleteTopic(name: string): void {
    this.#cluster.delete(name)
  }

  setTopic(name: string, setting: string, value: string): void {
    this.#cluster.topics.get(name)?.settings.set(setting, value)
  }

  /** Names of topics and how many partitions each has. */
  topics(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#cluster.topics.values()].map(({ name, partitions }) => [name, partitions.length]),
    )
  }

  bounds(topic: string, partition: number): PartitionBounds {
    const { log, highWatermark, leader, epoch } = this.#cluster.partition(topic, partition)
    return { start: log.start, highWatermark, end: log.end, leader, epoch }
  }

  /** What a partition holds from an offset on, committed or not: for checks. */
  records(topic: string, partition: number, from = 0): WireRecord[] {
    return readBatches(Buffer.concat(this.#cluster.partition(topic, partition).log.from(from)), from)
  }

  /** Bytes that a broker's copies take on its disk. */
  usedBytes(id: number): number {
    return this.#cluster.usedBytes(id)
  }

  set capacityBytes(bytes: number) {
    this.#cluster.capacityBytes = bytes
  }

  #brokers(at: Brokers): Broker[] {
    return at === 'all' ? [...this.#cluster.brokers.values()] : [this.#cluster.broker(at)]
  }
}
