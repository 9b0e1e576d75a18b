import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'

/** One role as it runs in a process. */
export interface Role {
  /** Why it cannot do its work now; undefined while it can. */
  readonly notReady: () => string | undefined
  /** Why a restart of the process could help it (/livez); undefined while it could not, or nothing is wrong. */
  readonly restartCouldHelp?: () => string | undefined
  /** Brings gauges up to date before they are read. */
  readonly refresh: () => void
  /** Metrics that are not in the process's own registry. */
  readonly threadRegistry?: () => Promise<Registry>
  /** Answers requests on the operator listener, and says whether it does. */
  readonly handle?: (request: IncomingMessage, response: ServerResponse) => boolean
  /** The process ends by a fault, as `Relay.noteFault`. */
  readonly noteFault?: (isOwn: boolean) => Promise<void>
  /** Ends it: finishes what is on its way, saves, and lets go of what it has leased. */
  readonly stop: () => Promise<void>
}
