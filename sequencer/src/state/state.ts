import type { Database } from '@bgs/contract/database.ts'
import { domainName, type Facts, type HostFacts } from '@bgs/contract/envelope/facts.ts'
import { DidCache } from '@bgs/runtime/packed/did-cache.ts'
import { StringTable } from '@bgs/runtime/packed/string-table.ts'
import { type Account, applyFacts, countedBy, isActive, newAccount } from './account.ts'
import { type AccountRow, accountFromRow } from './account-rows.ts'
import { BannedDomains, type DomainBan } from './banned-domains.ts'
import { type HostState, HostStates } from './host-states.ts'
import { packAccount, packed, unpackAccount } from './packed-account.ts'
import { readPendingCommits } from './pending-commit-rows.ts'

/** As RELAY_ACCOUNT_CACHE_BYTES has it by default. */
const CACHE_BYTES = 256 * 1024 * 1024
/** What a name in facts begins with that speaks of a domain. */
const DOMAIN = domainName('')
/** DIDs asked for in one statement. */
const LOAD_BATCH = 500

/**
 * The state of the relay as of the last appended entry: a cache over the view, exact because what is not yet in the
 * view is never evicted. An account is an object only while it is in use: from the load that asks for it to the next
 * one, and from a change until that is in the view. All others lie packed, off the heap (packed-account.ts): what is
 * packed is what the view has, and may be forgotten.
 */
export class State {
  readonly #database: Database
  readonly #packed: DidCache
  /** Accounts in use, by DID: each is dirty, or being written, or idle. */
  readonly #inUse = new Map<string, Account>()
  /** Those of them that are as the view and the packed ones have them: the next load lets go of them. */
  readonly #idle = new Set<Account>()
  /** In how many view batches under way an account is: until they are committed the view has an older row of it. */
  readonly #writing = new Map<Account, number>()
  readonly #hostnames = new StringTable()
  readonly #hosts: HostStates
  readonly #domains: BannedDomains
  #dirty: Account[] = []
  /** Of the accounts that were asked for how many were in memory; whoever reads it begins anew. */
  readonly loads = { hits: 0, misses: 0 }

  /** `cacheBytes` bounds the accounts in memory that are in the view already. */
  constructor(database: Database, defaultAccountLimit: number, cacheBytes = CACHE_BYTES) {
    this.#database = database
    this.#packed = new DidCache(cacheBytes)
    this.#hosts = new HostStates(database, defaultAccountLimit, this.#hostnames)
    this.#domains = new BannedDomains(database)
  }

  get cachedAccounts(): number {
    return this.#packed.size
  }

  get dirtyAccounts(): number {
    return this.#dirty.length
  }

  /**
   * Reads what the view knows of these DIDs and of the hosts that speak, and memory does not: call before `account` and
   * `host`.
   */
  async load(dids: ReadonlySet<string>, hosts: ReadonlySet<string>): Promise<void> {
    this.#letGo(dids)
    await this.#domains.load()
    const missing: string[] = []
    const pdsHosts = new Set<string>()
    for (const did of dids) {
      const account = this.account(did)
      if (account === undefined) missing.push(did)
      // Of one that only a relay has told of, the host may never have spoken.
      else if (this.#hosts.get(account.pdsHost) === undefined) pdsHosts.add(account.pdsHost)
    }
    this.loads.misses += missing.length
    this.loads.hits += dids.size - missing.length
    for (let i = 0; i < missing.length; i += LOAD_BATCH) {
      for (const row of await this.#rows(missing.slice(i, i + LOAD_BATCH))) {
        const account = accountFromRow(row, (host) => this.#hostnames.intern(host))
        this.#pack(account)
        this.#use(account)
        pdsHosts.add(account.pdsHost)
      }
    }
    for (const host of new Set([...hosts, ...pdsHosts])) {
      // What begins so is no host, and has no row.
      if (host.startsWith(DOMAIN)) continue
      const known = this.#hosts.get(host) ?? (await this.#hosts.load(host))
      if (hosts.has(host)) known.isKnown = true
    }
    await this.#loadPendingCommits(dids)
  }

  /** The account of a DID that was loaded; undefined: never seen. */
  account(did: string): Account | undefined {
    const known = this.#inUse.get(did)
    if (known !== undefined) return known
    const slot = this.#packed.get(did)
    return slot && this.#use(unpackAccount(did, slot, this.#hostnames))
  }

  /** A host that was loaded. */
  host(hostname: string): HostState {
    const host = this.#hosts.get(hostname)
    if (host === undefined) throw new Error(`host ${hostname} was not loaded`)
    return host
  }

  /** Whether a host lies in a domain that is banned as a whole (H9). */
  isInBannedDomain(hostname: string): boolean {
    return this.#domains.cover(hostname)
  }

  /** Applies the facts of the entry with this seq: the same for a new entry and for one read back from the log. */
  apply(facts: Facts, seq: number): void {
    if (facts.did !== '') this.#applyToAccount(facts, seq)
    if (facts.host !== null) this.#applyToHost(facts.host)
  }

  /** What changed since the last call; the caller writes it, all or nothing, and forgets nothing on failure. */
  takeDirty(): { accounts: Account[]; hosts: HostState[]; domains: DomainBan[] } {
    const taken = {
      accounts: this.#dirty,
      hosts: this.#hosts.takeDirty(),
      domains: this.#domains.takeDirty(),
    }
    for (const account of taken.accounts) account.dirty = false
    this.#dirty = []
    return taken
  }

  /** Marks a batch as being written, or as committed. */
  setWriting(accounts: readonly Account[], writing: boolean): void {
    for (const account of accounts) {
      const batches = (this.#writing.get(account) ?? 0) + (writing ? 1 : -1)
      if (batches > 0) this.#writing.set(account, batches)
      else this.#written(account)
    }
  }

  /** Nothing of it is under way any more: unless it has changed again, it is what the view has. */
  #written(account: Account): void {
    this.#writing.delete(account)
    if (account.dirty) return
    this.#pack(account)
    // Written, and not to be written with the next change.
    if (account.pendingCommit === null) account.pendingCommit = undefined
    account.untilMs = undefined
    this.#idle.add(account)
  }

  #applyToAccount(facts: Facts, seq: number): void {
    let account = this.account(facts.did)
    if (account === undefined) {
      account = newAccount(facts.did, seq, this.#hostnames.intern(facts.pdsHost ?? facts.taken?.host ?? ''))
      this.#inUse.set(account.did, account)
      this.#dirty.push(account)
      this.#hosts.count({ host: account.pdsHost, throttled: false }, 1)
    } else if (!account.dirty) {
      this.#idle.delete(account)
      this.#dirty.push(account)
    }
    const before = countedBy(account)
    applyFacts(account, facts)
    const after = countedBy(account)
    if (before.host === after.host && before.throttled === after.throttled) return
    this.#hosts.count(before, -1)
    this.#hosts.count(after, 1)
  }

  #applyToHost(facts: HostFacts): void {
    const { host, banned } = facts
    if (host.startsWith(DOMAIN)) this.#domains.set(host.slice(DOMAIN.length), banned === true)
    else this.#hosts.apply(this.host(host), facts)
  }

  #rows(dids: readonly string[]): Promise<AccountRow[]> {
    // Two shapes of one statement, so that both databases keep it prepared; the rest is filled with ''.
    const places = dids.length === 1 ? 1 : LOAD_BATCH
    const list = Array.from({ length: places }, (_, i) => `$${i + 1}`).join(', ')
    const params = Array.from({ length: places }, (_, i) => dids[i] ?? '')
    return this.#database.query<AccountRow>(`SELECT * FROM accounts WHERE did IN (${list})`, params)
  }

  /** Only an inactive account has a pending commit: nobody else's is asked for. */
  async #loadPendingCommits(dids: ReadonlySet<string>): Promise<void> {
    const wanted: Account[] = []
    for (const did of dids) {
      const account = this.#inUse.get(did)
      if (account !== undefined && account.pendingCommit === undefined && !isActive(account))
        wanted.push(account)
    }
    for (let i = 0; i < wanted.length; i += LOAD_BATCH) {
      const some = wanted.slice(i, i + LOAD_BATCH)
      const pendingCommits = await readPendingCommits(
        this.#database,
        some.map(({ did }) => did),
      )
      for (const account of some) account.pendingCommit = pendingCommits.get(account.did) ?? null
    }
  }

  #use(account: Account): Account {
    this.#inUse.set(account.did, account)
    this.#idle.add(account)
    return account
  }

  /** Lets go of the objects that are idle, but for those asked for again. */
  #letGo(dids: ReadonlySet<string>): void {
    for (const account of this.#idle) {
      if (dids.has(account.did)) continue
      this.#idle.delete(account)
      this.#inUse.delete(account.did)
    }
  }

  #pack(account: Account): void {
    const bytes = packAccount(account, this.#hostnames)
    if (bytes > 0) this.#packed.put(account.did, packed, bytes)
    else this.#packed.delete(account.did)
  }
}
