import type { Topic } from '@bgs/cluster/kafka/topics.ts'
import { Membership } from '@bgs/cluster/leases/membership.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { ClusterContext } from './context.ts'
import { KafkaReach } from './kafka-reach.ts'
import { updateMembership } from './role-metrics.ts'
import type { RoleName } from './role-names.ts'
import { type Reach, Standstill } from './standstill.ts'
import { UnansweredWork } from './unanswered-work.ts'

export interface RoleNeeds {
  /** What the role reads or writes. */
  readonly topics: readonly Topic[]
  /** For how long the oldest request of its work at Kafka has had no answer, in milliseconds. */
  readonly unansweredMs: () => number
  /** What else it needs; the caller keeps it up to date. */
  readonly others?: readonly Reach[]
}

/** This process as a member of a role that leases something: renews, and says whether its work gets through. */
export class RoleMember {
  readonly membership: Membership
  readonly #standstill: Standstill
  readonly #context: ClusterContext
  readonly #role: RoleName
  readonly #kafka: KafkaReach
  readonly #unanswered: UnansweredWork

  constructor(context: ClusterContext, role: RoleName, { topics, unansweredMs, others = [] }: RoleNeeds) {
    const { database, kafka, settings } = context
    const { RELAY_LEASE_MS: leaseMs, RELAY_RAW_PARTITIONS: partitions } = settings
    const counts = { raw: partitions, verified: partitions, control: 1, sequenced: 1 }
    this.#context = context
    this.#role = role
    this.#kafka = new KafkaReach({
      cluster: kafka,
      topics: new Map(topics.map((topic) => [context.topic(topic), counts[topic]])),
      leaseMs,
    })
    this.#unanswered = new UnansweredWork(unansweredMs, () => this.#kafka.stillMs > 0)
    this.#standstill = new Standstill([this.#kafka, this.#unanswered, ...others])
    this.membership = new Membership(database, role, leaseMs, this.#standstill)
  }

  /** Renews, and asks after what the role needs, until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.membership.run(signal),
      this.#kafka.run(signal),
      this.#unanswered.run(signal),
      this.#watch(signal),
    ])
  }

  /** Why the role cannot do its work, as far as its lease goes; undefined while it can. */
  get notReady(): string | undefined {
    if (!this.membership.isLive) return `this ${this.#role} could not renew its lease`
    return this.standstill
  }

  /** That nothing gets through, over what, and who does the work meanwhile; undefined while something does. */
  get standstill(): string | undefined {
    const { text } = this.#standstill
    if (text === undefined) return undefined
    const meanwhile = this.membership.yields ? 'others have what it had leased' : 'no other gets through'
    return `this ${this.#role} ${text} (${meanwhile})`
  }

  readonly restartCouldHelp = (): string | undefined => this.#standstill.restartCouldHelp && this.standstill

  updateMetrics(): void {
    updateMembership(this.#context.metrics, this.#role, this.membership, this.#standstill)
  }

  /** Says in the log when it changes whether work gets through, and when others take over. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { logger, settings } = this.#context
    const logged = { still: false, yields: false }
    for (; !signal.aborted; await wait(settings.RELAY_LEASE_MS / 4, signal)) {
      const { yields } = this.membership
      this.#standstill.noteYields(yields)
      const { text } = this.#standstill
      const now = { still: text !== undefined, yields }
      if (now.still !== logged.still || (now.yields && !logged.yields)) {
        const cause = [...this.#standstill.ages].filter(([, ms]) => ms > 0).map(([name]) => name)
        if (now.still) logger.warn({ role: this.#role, cause }, this.standstill)
        else logger.info({ role: this.#role }, `this ${this.#role} gets work through again`)
      }
      Object.assign(logged, now)
    }
  }
}
