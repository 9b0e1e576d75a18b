import type { Broker } from './broker.ts'
import { BrokerServer } from './broker-server.ts'
import type { Cluster } from './cluster.ts'

/** How brokers come and go, and when the others notice. */
export class BrokerLives {
  readonly #cluster: Cluster
  readonly #servers: ReadonlyMap<Broker, BrokerServer>

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    const brokers = [...cluster.brokers.values()]
    this.#servers = new Map(brokers.map((broker) => [broker, new BrokerServer(cluster, broker)]))
  }

  async start(broker: Broker): Promise<void> {
    if (broker.isUp) throw new Error(`broker ${broker.id} is started already`)
    await this.#servers.get(broker)?.open()
    broker.isUp = true
    broker.incarnation++
    // Its former life is over, whether or not anybody has noticed.
    this.#cluster.expire(broker)
    this.#cluster.register(broker)
  }

  stop(broker: Broker): void {
    if (!broker.isUp) return
    broker.wake()
    this.#cluster.expire(broker)
    this.#end(broker)
  }

  kill(broker: Broker): void {
    if (!broker.isUp) return
    this.#end(broker)
    this.#whenExpired(broker, () => !broker.isUp)
  }

  hang(broker: Broker): void {
    if (!broker.isAtWork) return
    broker.hang()
    this.#whenExpired(broker, () => broker.isHung)
  }

  resume(broker: Broker): void {
    if (!broker.isHung) return
    broker.wake()
    if (!broker.isRegistered) this.thaw(broker)
    this.#cluster.elect()
    this.#cluster.settle()
  }

  freeze(broker: Broker): void {
    broker.freeze(this.#cluster.view())
  }

  thaw(broker: Broker): void {
    const { incarnation } = broker
    this.#cluster.timers.after(this.#cluster.pace.newsMs, () => {
      if (broker.incarnation !== incarnation || !broker.isUp) return
      // One that hangs hears it when it goes on.
      if (broker.isHung) return this.thaw(broker)
      broker.thaw()
      if (!broker.isRegistered) this.#cluster.register(broker)
    })
  }

  #end(broker: Broker): void {
    broker.isUp = false
    broker.wake()
    broker.thaw()
    this.#servers.get(broker)?.close()
  }

  /** The controller takes a broker for gone if it is still away when its session ends. */
  #whenExpired(broker: Broker, isAway: () => boolean): void {
    const { incarnation } = broker
    this.#cluster.timers.after(this.#cluster.pace.sessionMs, () => {
      if (broker.incarnation !== incarnation || !isAway()) return
      // Nobody is there to notice: who is in charge next counts from then on.
      if (!this.#cluster.hasQuorum) return this.#whenExpired(broker, isAway)
      if (broker.isUp) this.freeze(broker)
      this.#cluster.expire(broker)
    })
  }
}
