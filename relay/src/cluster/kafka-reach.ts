import { type ConnectionSet, type KafkaCluster, retryPauseMs } from '@bgs/cluster/kafka/cluster.ts'
import { KafkaError } from '@bgs/cluster/kafka/kafka-error.ts'
import { listOffsets } from '@bgs/cluster/kafka/offsets.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { Reach } from './standstill.ts'

/** An answer that a broker is not the leader: who is, is not known yet. */
const LEADS_NO_LONGER = 'NOT_LEADER_OR_FOLLOWER'
const UNANSWERED = new Set(['DISCONNECTED', 'TIMEOUT', LEADS_NO_LONGER])

export interface KafkaReachOptions {
  readonly cluster: KafkaCluster
  /** Names of the topics that the role reads or writes, and how many partitions each has. */
  readonly topics: ReadonlyMap<string, number>
  /** RELAY_LEASE_MS: whoever has not got through for so long stands still. */
  readonly leaseMs: number
}

/**
 * Whether this process gets through to the leader of every partition that its role may work with: asks each where they
 * end, four times a lease, whoever holds them now. So a process that stands by knows as well whether it could do the work,
 * and an outage for everybody is told from one of this process's own. A refusal is an answer, and so is the word of the
 * cluster that a partition has no leader: both would be the same for any other process.
 */
export class KafkaReach implements Reach {
  readonly name = 'kafka'
  detail = ''
  readonly #options: KafkaReachOptions
  readonly #connections: ConnectionSet
  #throughMs = monotonicMs()

  constructor(options: KafkaReachOptions) {
    this.#options = options
    this.#connections = options.cluster.connections()
  }

  get stillMs(): number {
    const { workedAgoMs } = this
    return workedAgoMs > this.#options.leaseMs ? workedAgoMs : 0
  }

  get workedAgoMs(): number {
    return monotonicMs() - this.#throughMs
  }

  /** Asks until `signal` is aborted. Throws TopicRemadeError. */
  async run(signal: AbortSignal): Promise<void> {
    const { cluster, leaseMs } = this.#options
    for (let attempt = 0; !signal.aborted; ) {
      const begunMs = monotonicMs()
      try {
        await this.#ask()
        this.#throughMs = begunMs
        attempt = 0
        cluster.health.ok()
        await wait(leaseMs / 4, signal)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        this.detail = error.message
        cluster.health.failed(error)
        await wait(Math.min(leaseMs / 4, retryPauseMs(attempt++)), signal)
      }
    }
    this.#connections.close()
  }

  /** One question to each leader, all at once. Throws KafkaError where one has not answered. */
  async #ask(): Promise<void> {
    const leaders: [node: number, topic: string, numbers: readonly number[]][] = []
    for (const [topic, partitions] of this.#options.topics)
      for (const [node, numbers] of await this.#leaders(topic, partitions))
        leaders.push([node, topic, numbers])
    // Asked only now: one that fails while another topic's leaders are awaited would be nobody's, and end the process.
    const asked = leaders.map((one) => this.#askNode(...one))
    const answers = await Promise.allSettled(asked)
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  }

  /** Partitions by the broker that leads them; those that have no leader now are left out. */
  async #leaders(topic: string, partitions: number): Promise<Map<number, number[]>> {
    const { cluster } = this.#options
    const known = await cluster.topic(topic)
    const byNode = new Map<number, number[]>()
    for (let number = 0; number < partitions; number++) {
      const node = known?.leaders[number] ?? -1
      if (node < 0) cluster.forget(topic)
      else byNode.set(node, [...(byNode.get(node) ?? []), number])
    }
    return byNode
  }

  async #askNode(node: number, topic: string, numbers: readonly number[]): Promise<void> {
    const { cluster, leaseMs } = this.#options
    try {
      const any = numbers.map((partition) => ({ partition }))
      await listOffsets(await this.#connections.toNode(node), topic, any, 'end', leaseMs)
    } catch (error) {
      cluster.forget(topic)
      if (!(error instanceof KafkaError) || UNANSWERED.has(error.code)) throw error
    }
  }
}
