import type { Database, SqlStep } from '@bgs/contract/database.ts'
import { domainsOf } from '@bgs/database/hosts/domains.ts'
import { REFRESH_DOMAIN } from '@bgs/database/hosts/host-rows.ts'

/** A ban of a domain, or its end, that the view does not have yet. */
export interface DomainBan {
  readonly domain: string
  readonly banned: boolean
}

const BAN = `INSERT INTO domains (domain, rule, created_ms) VALUES ($1, 'ban', $2) ON CONFLICT (domain, rule) DO NOTHING`
const UNBAN = `DELETE FROM domains WHERE domain = $1 AND rule = 'ban'`
/** The domains that are banned with everything under them (protocol.md H9), as of the last appended entry. */
export class BannedDomains {
  readonly #database: Database
  readonly #banned = new Set<string>()
  readonly #dirty = new Map<string, boolean>()
  #isLoaded = false

  constructor(database: Database) {
    this.#database = database
  }

  /** Reads what the view has, once. */
  async load(): Promise<void> {
    if (this.#isLoaded) return
    const rows = await this.#database.query<{ domain: string }>(
      "SELECT domain FROM domains WHERE rule = 'ban'",
    )
    for (const { domain } of rows) this.#banned.add(domain)
    this.#isLoaded = true
  }

  /** Whether a host lies in a banned domain. */
  cover(hostname: string): boolean {
    return this.#banned.size > 0 && domainsOf(hostname).some((domain) => this.#banned.has(domain))
  }

  set(domain: string, banned: boolean): void {
    if (banned) this.#banned.add(domain)
    else this.#banned.delete(domain)
    this.#dirty.set(domain, banned)
  }

  /** What changed since the last call. */
  takeDirty(): DomainBan[] {
    const taken = [...this.#dirty].map(([domain, banned]) => ({ domain, banned }))
    this.#dirty.clear()
    return taken
  }
}

/** Writes bans and their ends into the view. */
export function domainSteps(bans: readonly DomainBan[], nowMs: number): SqlStep[] {
  return [
    { sql: BAN, rows: bans.filter(({ banned }) => banned).map(({ domain }) => [domain, nowMs]) },
    { sql: UNBAN, rows: bans.filter(({ banned }) => !banned).map(({ domain }) => [domain]) },
    { sql: REFRESH_DOMAIN, rows: bans.map(({ domain }) => [domain, nowMs]) },
  ]
}
