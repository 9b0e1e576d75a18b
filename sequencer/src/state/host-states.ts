import type { Database } from '@bgs/contract/database.ts'
import type { HostFacts } from '@bgs/contract/envelope/facts.ts'
import type { StringTable } from '@bgs/runtime/packed/string-table.ts'
import type { Counted } from './account.ts'

/** What the sequencer knows of a host: how many accounts it counts and may have, and whether it is banned. */
export interface HostState {
  readonly hostname: string
  /** Accounts that live there and were not deleted; of them those that are throttled for its limit (H8). */
  accountCount: number
  throttledCount: number
  accountLimit: number
  banned: boolean
  epoch: number
  dirty: boolean
  /** It has sent something, or is in the view: one that is known only as where accounts live is not to be crawled. */
  isKnown: boolean
  /** The limit was set by a fact that the view does not have yet. */
  limitChanged: boolean
}

/** Hosts as of the last appended entry: all that have been loaded, with what the view does not have yet. */
export class HostStates {
  readonly #database: Database
  readonly #defaultLimit: number
  readonly #names: StringTable
  readonly #hosts = new Map<string, HostState>()
  #dirty: HostState[] = []

  /** `names`: one copy of each host's name in memory. */
  constructor(database: Database, defaultAccountLimit: number, names: StringTable) {
    this.#database = database
    this.#defaultLimit = defaultAccountLimit
    this.#names = names
  }

  /** A host that was loaded; undefined where it was not. */
  get(hostname: string): HostState | undefined {
    return this.#hosts.get(hostname)
  }

  /** Reads what the view knows of a host. */
  async load(hostname: string): Promise<HostState> {
    const [row] = await this.#database.query<{
      account_count: number
      throttled_count: number
      account_limit: number
      banned: number
      epoch: number
    }>('SELECT account_count, throttled_count, account_limit, banned, epoch FROM hosts WHERE hostname = $1', [
      hostname,
    ])
    const host: HostState = {
      hostname,
      accountCount: Number(row?.account_count ?? 0),
      throttledCount: Number(row?.throttled_count ?? 0),
      accountLimit: Number(row?.account_limit ?? this.#defaultLimit),
      banned: row !== undefined && Number(row.banned) === 1,
      epoch: Number(row?.epoch ?? 1),
      dirty: false,
      isKnown: row !== undefined,
      limitChanged: false,
    }
    this.#hosts.set(this.#names.intern(hostname), host)
    return host
  }

  /** Applies the facts of a host that was loaded. */
  apply(known: HostState, { epoch, banned, accountLimit }: HostFacts): void {
    if (epoch !== null) known.epoch = Math.max(known.epoch, epoch)
    if (banned !== null) known.banned = banned
    if (accountLimit !== null) {
      known.accountLimit = accountLimit
      known.limitChanged = true
    }
    this.#touch(known)
  }

  /** Counts an account more or less where it lives. */
  count({ host: hostname, throttled }: Counted, change: number): void {
    const host = hostname === null ? undefined : this.#hosts.get(hostname)
    if (host === undefined) return
    // Accounts that only a relay has told of are counted nowhere until their host speaks: they may leave it uncounted.
    host.accountCount = Math.max(0, host.accountCount + change)
    if (throttled) host.throttledCount = Math.max(0, host.throttledCount + change)
    this.#touch(host)
  }

  /** Those that changed since the last call. */
  takeDirty(): HostState[] {
    const taken = this.#dirty
    for (const host of taken) host.dirty = false
    this.#dirty = []
    return taken
  }

  #touch(host: HostState): void {
    if (host.dirty || !host.isKnown) return
    host.dirty = true
    this.#dirty.push(host)
  }
}
