import type { Database } from '@bgs/shared/db/database.ts'
import type { Facts } from '@bgs/shared/envelope/facts.ts'
import { type Account, accountBytes, applyFacts, countedBy, newAccount } from './account.ts'
import { type AccountRow, accountFromRow } from './account-rows.ts'

/** What the sequencer knows of a host: how many accounts it counts and may have, and whether it is banned. */
export interface HostState {
  readonly hostname: string
  accountCount: number
  accountLimit: number
  banned: boolean
  epoch: number
  dirty: boolean
}

/** Bytes of accounts in memory, about; beyond it the ones not used lately are read from the view again. */
const CACHE_BYTES = 256 * 1024 * 1024
/** DIDs asked for in one statement. */
const LOAD_BATCH = 500

/**
 * The state of the relay as of the last appended entry: a cache over the view, exact because what is not yet in
 * the view is never evicted. Two generations of entries stand in for least-recently-used.
 */
export class State {
  readonly #database: Database
  readonly #defaultLimit: number
  readonly #cacheBytes: number
  #young = new Map<string, Account>()
  #youngBytes = 0
  #old = new Map<string, Account>()
  readonly #hosts = new Map<string, HostState>()
  readonly #hostnames = new Map<string, string>()
  #dirty: Account[] = []
  #dirtyHosts: HostState[] = []

  /** `cacheBytes` bounds the accounts in memory that are in the view already. */
  constructor(database: Database, defaultAccountLimit: number, cacheBytes = CACHE_BYTES) {
    this.#database = database
    this.#cacheBytes = cacheBytes
    this.#defaultLimit = defaultAccountLimit
  }

  get cachedAccounts(): number {
    return this.#young.size + this.#old.size
  }

  get dirtyAccounts(): number {
    return this.#dirty.length
  }

  /** Reads what the view knows of these DIDs and hosts and memory does not: call before `account` and `host`. */
  async load(dids: ReadonlySet<string>, hosts: ReadonlySet<string>): Promise<void> {
    const missing = [...dids].filter((did) => this.account(did) === undefined)
    const wanted = new Set(hosts)
    for (let i = 0; i < missing.length; i += LOAD_BATCH) {
      for (const row of await this.#rows(missing.slice(i, i + LOAD_BATCH))) {
        const account = accountFromRow(row, (host) => this.#intern(host))
        this.#keep(account)
        wanted.add(account.host)
      }
    }
    for (const host of wanted) {
      if (!this.#hosts.has(host)) await this.#loadHost(host)
    }
    this.#turn()
  }

  /** The account of a DID that was loaded; undefined: never seen. */
  account(did: string): Account | undefined {
    const young = this.#young.get(did)
    if (young !== undefined) return young
    const old = this.#old.get(did)
    if (old !== undefined) {
      this.#old.delete(did)
      this.#keep(old)
    }
    return old
  }

  /** A host that was loaded. */
  host(hostname: string): HostState {
    const host = this.#hosts.get(hostname)
    if (host === undefined) throw new Error(`host ${hostname} was not loaded`)
    return host
  }

  /** Applies the facts of the entry with this seq: the same for a new entry and for one read back from the log. */
  apply(facts: Facts, seq: number): void {
    if (facts.did !== '') this.#applyToAccount(facts, seq)
    const { host } = facts
    if (host === null) return
    const known = this.host(host.host)
    if (host.epoch !== null) known.epoch = Math.max(known.epoch, host.epoch)
    if (host.banned !== null) known.banned = host.banned
    this.#touchHost(known)
  }

  /** What changed since the last call; the caller writes it, all or nothing, and forgets nothing on failure. */
  takeDirty(): { accounts: Account[]; hosts: HostState[] } {
    const taken = { accounts: this.#dirty, hosts: this.#dirtyHosts }
    for (const account of taken.accounts) account.dirty = false
    for (const host of taken.hosts) host.dirty = false
    this.#dirty = []
    this.#dirtyHosts = []
    return taken
  }

  #applyToAccount(facts: Facts, seq: number): void {
    let account = this.account(facts.did)
    if (account === undefined) {
      account = newAccount(facts.did, seq, this.#intern(facts.taken?.host ?? ''))
      this.#keep(account)
      this.#dirty.push(account)
      this.#count(account.host, 1)
    } else if (!account.dirty) this.#dirty.push(account)
    const before = countedBy(account)
    applyFacts(account, facts)
    const after = countedBy(account)
    if (before === after) return
    if (before !== null) this.#count(before, -1)
    if (after !== null) this.#count(after, 1)
  }

  #count(hostname: string, change: number): void {
    const host = this.#hosts.get(hostname)
    if (host === undefined) return
    host.accountCount += change
    this.#touchHost(host)
  }

  #touchHost(host: HostState): void {
    if (host.dirty) return
    host.dirty = true
    this.#dirtyHosts.push(host)
  }

  #rows(dids: readonly string[]): Promise<AccountRow[]> {
    // Two shapes of one statement, so that both databases keep it prepared; the rest is filled with ''.
    const places = dids.length === 1 ? 1 : LOAD_BATCH
    const list = Array.from({ length: places }, (_, i) => `$${i + 1}`).join(', ')
    const params = Array.from({ length: places }, (_, i) => dids[i] ?? '')
    return this.#database.query<AccountRow>(`SELECT * FROM accounts WHERE did IN (${list})`, params)
  }

  async #loadHost(hostname: string): Promise<void> {
    const [row] = await this.#database.query<{
      account_count: number
      account_limit: number
      banned: number
      epoch: number
    }>('SELECT account_count, account_limit, banned, epoch FROM hosts WHERE hostname = $1', [hostname])
    this.#hosts.set(this.#intern(hostname), {
      hostname,
      accountCount: Number(row?.account_count ?? 0),
      accountLimit: Number(row?.account_limit ?? this.#defaultLimit),
      banned: row !== undefined && Number(row.banned) === 1,
      epoch: Number(row?.epoch ?? 1),
      dirty: false,
    })
  }

  #intern(host: string): string {
    const known = this.#hostnames.get(host)
    if (known !== undefined) return known
    this.#hostnames.set(host, host)
    return host
  }

  #keep(account: Account): void {
    this.#young.set(account.did, account)
    this.#youngBytes += accountBytes(account)
  }

  /** When the young generation is full it becomes the old one; what the old one still held is forgotten unless dirty. */
  #turn(): void {
    if (this.#youngBytes < this.#cacheBytes / 2) return
    const kept = new Map<string, Account>()
    for (const [did, account] of this.#old)
      if (account.dirty || this.#writing.has(did)) kept.set(did, account)
    this.#old = this.#young
    this.#young = kept
    this.#youngBytes = 0
    for (const account of kept.values()) this.#youngBytes += accountBytes(account)
  }

  /** DIDs in a view batch that is under way: until it is committed the view has an older row of theirs. */
  readonly #writing = new Set<string>()

  /** Marks a batch as being written, or written. */
  setWriting(accounts: readonly Account[], writing: boolean): void {
    for (const { did } of accounts) {
      if (writing) this.#writing.add(did)
      else this.#writing.delete(did)
    }
  }
}
