import type { Call } from '@bgs/api/xrpc/call.ts'
import type { SubscriberList } from '@bgs/contract/subscribers.ts'
import type { FiledLog } from '@bgs/embedded/log/segment-log.ts'
import type { SharedAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { Registry } from 'prom-client'
import type { Takedowns } from '../takedowns.ts'

export interface ServeParts {
  readonly log: FiledLog
  readonly takedowns: Takedowns
  readonly registry: Registry
  readonly logger: Logger
  readonly logLevel: string
  readonly trustedProxies: readonly string[]
  /** What one address may take of the listener, whichever threads it meets. */
  readonly limits: SharedAddressLimits
  /** Whether subscribers that offer permessage-deflate get it. */
  readonly deflate: boolean
  /** Undefined while the relay can serve; else why it cannot. */
  readonly notReady: () => string | undefined
  readonly call: Call
  /** Threads that serve, beside this one; 0: this one does. */
  readonly threads: number
  /** Hears of a thread that ended: the process cannot go on without it. */
  readonly onFault: (error: unknown) => void
}

/** The public listener of this process, whichever threads serve it. Follows the log from when it is made. */
export interface Serving {
  /** Begins to listen; resolves to the port. Rejects where the address cannot be bound. */
  listen(port: number, host: string): Promise<number>
  /** Metrics that are not in the registry: those of the threads, added up. */
  threadRegistry(): Promise<Registry>
  /** When an entry of the log last reached every thread that serves, on the clock of `performance`. */
  readonly lastReceivedMs: number
  /** Bytes on their way to the threads. */
  readonly feedBytes: number
  /** Its subscribers. */
  readonly subscribers: SubscriberList
  /** Sends subscribers away, to come back (W11), and stops listening. */
  close(): Promise<void>
}
