import { Broker, type BrokerAddress } from './broker.ts'
import { type ClusterView, type TopicView, viewOfTopic } from './cluster-view.ts'
import { HomeTimers } from './home-timers.ts'
import type { Partition } from './partition.ts'
import { Topic, type TopicSpec } from './topic.ts'

/** How quick a cluster is, ms; all may be set at any time. */
export interface ClusterPace {
  /** Of each request up to so much before anything is done with it, by chance: no two writers keep step for long. */
  requestMs: number
  /** Until the followers have a record. */
  replicationMs: number
  /** A broker of which nothing is heard for so long is taken for gone (`broker.session.timeout.ms`). */
  sessionMs: number
  /** Until a broker that came back is in sync again. */
  catchUpMs: number
  /** Until a broker that was away hears what happened meanwhile. */
  newsMs: number
}

/** Brokers and topics, and who leads what. Each broker is a voter of the controllers' quorum, too. */
export class Cluster {
  readonly brokers: ReadonlyMap<number, Broker>
  readonly topics = new Map<string, Topic>()
  readonly chance: () => number
  readonly pace: ClusterPace = { requestMs: 2, replicationMs: 1, sessionMs: 6_000, catchUpMs: 50, newsMs: 50 }
  /** Bytes that each broker's disk holds. */
  capacityBytes = 1024 * 1024 * 1024
  readonly timers = new HomeTimers()
  /** Who is to lead the next partition that is made. */
  #turn = 0

  constructor(brokers: readonly BrokerAddress[], chance: () => number) {
    this.brokers = new Map(brokers.map((address) => [address.id, new Broker(address)]))
    this.chance = chance
  }

  broker(id: number): Broker {
    const found = this.brokers.get(id)
    if (found === undefined) throw new RangeError(`there is no broker ${id}`)
    return found
  }

  partition(topic: string, index: number): Partition {
    const found = this.topics.get(topic)?.partitions[index]
    if (found === undefined) throw new RangeError(`there is no ${topic}/${index}`)
    return found
  }

  /** Most of the controllers are there: without that nobody is elected and no topic is made. */
  get hasQuorum(): boolean {
    return [...this.brokers.values()].filter(({ isAtWork }) => isAtWork).length * 2 > this.brokers.size
  }

  /** Bytes that a broker's copies take. */
  usedBytes(broker: number): number {
    let bytes = 0
    for (const partition of this.#partitions())
      if (partition.parts.replicas.includes(broker)) bytes += partition.log.bytes
    return bytes
  }

  view(): ClusterView {
    const topics = new Map<string, TopicView>()
    for (const topic of this.topics.values()) topics.set(topic.name, viewOfTopic(topic))
    const alive = [...this.brokers.values()].filter(({ isRegistered }) => isRegistered)
    return { brokers: alive.map(({ id }) => id), topics }
  }

  /** The leaders as they have to be now, where they can be changed. */
  elect(): void {
    if (!this.hasQuorum) return
    for (const partition of this.#partitions()) partition.elect((id) => this.broker(id).isRegistered)
  }

  /** Followers that were held up go on. */
  settle(): void {
    for (const partition of this.#partitions()) partition.settle()
  }

  /** The controller hears of a broker that is there; it is in sync a moment later. */
  register(broker: Broker): void {
    broker.isRegistered = true
    this.elect()
    this.#catchUp(broker)
  }

  #catchUp(broker: Broker): void {
    const { incarnation } = broker
    this.timers.after(this.pace.catchUpMs, () => {
      if (!broker.isUp || !broker.isRegistered || broker.incarnation !== incarnation) return
      if (!broker.isAtWork || !this.hasQuorum) return this.#catchUp(broker)
      for (const partition of this.#partitions()) {
        // It may be the leader for whom the others have waited.
        const present = partition.parts.replicas.filter((id) => this.#canLead(id))
        if (partition.leader >= 0) for (const id of present) partition.join(id)
      }
    })
  }

  #canLead(id: number): boolean {
    const { isAtWork, isRegistered } = this.broker(id)
    return isAtWork && isRegistered
  }

  /** Another one that is in sync leads a partition. Returns its id; undefined where there is no other. */
  move(partition: Partition): number | undefined {
    const others = partition.isr.filter((id) => id !== partition.leader && this.#canLead(id))
    const next = others[Math.floor(this.chance() * others.length)]
    if (next === undefined || !this.hasQuorum) return undefined
    partition.lead(next)
    return next
  }

  /** The controller takes a broker for gone. */
  expire(broker: Broker): void {
    broker.isRegistered = false
    this.elect()
  }

  create(spec: TopicSpec): Topic {
    const ids = [...this.brokers.keys()]
    const { replicationFactor = -1 } = spec
    const replicas = replicationFactor < 0 ? Math.min(3, ids.length) : replicationFactor
    const placed = Array.from({ length: spec.partitions }, () => {
      const first = this.#turn++
      return Array.from({ length: replicas }, (_, i) => ids[(first + i) % ids.length] as number)
    })
    const topic = new Topic(spec, this.#id(), placed, {
      timers: this.timers,
      chance: this.chance,
      replicationMs: () => this.pace.replicationMs,
      areAtWork: (brokers) => brokers.every((id) => this.broker(id).isAtWork),
    })
    this.topics.set(spec.name, topic)
    for (const partition of topic.partitions) partition.elect((id) => this.broker(id).isRegistered)
    return topic
  }

  delete(name: string): void {
    this.topics.get(name)?.delete()
    this.topics.delete(name)
  }

  #id(): string {
    return Buffer.from(Array.from({ length: 16 }, () => Math.floor(this.chance() * 256))).toString('hex')
  }

  *#partitions(): Generator<Partition> {
    for (const topic of this.topics.values()) yield* topic.partitions
  }
}
