import type { Server } from 'node:http'
import type { LogReader } from '@bgs/contract/log/log.ts'
import type { SubscriberList } from '@bgs/contract/subscribers.ts'
import type { FiledLog } from '@bgs/embedded/log/segment-log.ts'
import { AddressLimits } from '@bgs/runtime/service/address-limits.ts'
import { ClientAddresses } from '@bgs/runtime/service/client-address.ts'
import { close, listen } from '@bgs/runtime/service/listen.ts'
import { Registry } from 'prom-client'
import { fanoutMetrics } from '../metrics.ts'
import { Subscriptions } from '../subscribe/subscriptions.ts'
import { Window } from '../window.ts'
import { createPublicServer } from './public-server.ts'
import type { ServeParts, Serving } from './serving.ts'

/** The newest part of the log that is kept in memory for subscribers. */
const WINDOW_BYTES = 4 * 1024 * 1024

export interface InProcessServerParts extends Omit<ServeParts, 'log' | 'logLevel' | 'threads' | 'onFault'> {
  readonly log: LogReader & Pick<FiledLog, 'files'>
}

/** What one thread serves: subscribers and XRPC, on a listener that may share its port with other threads. */
export class InProcessServer implements Serving {
  readonly #subscriptions: Subscriptions
  readonly #server: Server

  constructor(parts: InProcessServerParts) {
    const { log, takedowns, registry, logger, trustedProxies, limits, deflate, notReady, call } = parts
    const metrics = fanoutMetrics(registry)
    this.#subscriptions = new Subscriptions({
      log,
      window: new Window(WINDOW_BYTES),
      takedowns,
      metrics,
      notReady,
      deflate,
    })
    this.#server = createPublicServer({
      subscriptions: this.#subscriptions,
      metrics,
      logger,
      clients: new ClientAddresses(trustedProxies),
      limits: new AddressLimits(limits),
      unhealthy: notReady,
      call,
    })
  }

  listen(port: number, host: string, reusePort = false): Promise<number> {
    return listen(this.#server, port, host, reusePort)
  }

  /** The log has grown by batches that this thread did not hear of. */
  beginAnew(): void {
    this.#subscriptions.beginAnew()
  }

  get lastReceivedMs(): number {
    return this.#subscriptions.lastReceivedMs
  }

  get feedBytes(): number {
    return 0
  }

  get subscribers(): SubscriberList {
    return this.#subscriptions
  }

  async threadRegistry(): Promise<Registry> {
    return new Registry()
  }

  async close(): Promise<void> {
    await this.#subscriptions.close()
    await close(this.#server)
  }
}
