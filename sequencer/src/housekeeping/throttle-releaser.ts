import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

const LOOK_EVERY_MS = 1_000
/** Accounts released at one look, of one host and of those whose time is over; and hosts looked at. */
const AT_ONCE = 500
const HOSTS_AT_ONCE = 100
const MESSAGE_BYTES = 256

const HOSTS_WITH_ROOM = `SELECT hostname, account_limit - (account_count - throttled_count) AS room FROM hosts
  WHERE throttled_count > 0 AND account_count - throttled_count < account_limit ORDER BY hostname LIMIT ${HOSTS_AT_ONCE}`
/** The oldest first (H8); what was deleted takes no room, and needs none. */
const THROTTLED_OF_HOST = `SELECT did, version FROM accounts WHERE host = $1 AND local = 'throttled' AND upstream <> 'deleted'
  ORDER BY first_seq LIMIT $2`
const DUE = `SELECT a.did, a.version FROM throttles t JOIN accounts a ON a.did = t.did
  WHERE t.until_ms <= $1 AND a.local = 'throttled:conduct' ORDER BY t.until_ms LIMIT ${AT_ONCE}`

interface Throttled {
  readonly did: string
  readonly version: number
}

/**
 * Sees when the reason of a throttle has ended (protocol.md H8, 3.6): its host has room again, or its time is over. Says
 * so through control, with the version of what it saw: what has changed meanwhile is not released (invariant 7).
 */
export class ThrottleReleaser {
  readonly #database: Database
  readonly #control: BusProducer<ControlMessage, () => void>
  readonly #now: () => number

  constructor(database: Database, control: BusProducer<ControlMessage, () => void>, now: () => number) {
    this.#database = database
    this.#control = control
    this.#now = now
  }

  /** Looks every second until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await wait(LOOK_EVERY_MS, signal)
    }
  }

  /** Looks once; says no more than control has room for: what is left is seen again at the next look. */
  async look(): Promise<void> {
    if (this.#isFull) return
    for (const account of await this.#database.query<Throttled>(DUE, [this.#now()])) this.#release(account)
    const hosts = await this.#database.query<{ hostname: string; room: number }>(HOSTS_WITH_ROOM)
    for (const { hostname, room } of hosts) {
      if (this.#isFull) return
      const most = Math.min(Number(room), AT_ONCE)
      for (const account of await this.#database.query<Throttled>(THROTTLED_OF_HOST, [hostname, most]))
        this.#release(account)
    }
  }

  get #isFull(): boolean {
    return this.#control.room() !== undefined
  }

  #release({ did, version }: Throttled): void {
    const message = { kind: 'account-release', did, version: Number(version) } as const
    this.#control.publish(0, message, MESSAGE_BYTES, () => undefined)
  }
}
