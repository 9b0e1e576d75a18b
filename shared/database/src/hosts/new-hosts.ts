import type { Database } from '@bgs/contract/database.ts'
import { domainsOf, isInDomains } from './domains.ts'

/** How hosts are treated that are met for the first time (protocol.md H6, H8, H9). */
export interface NewHosts {
  /** Accounts that one which is not trusted may have. */
  readonly accountLimit: number
  /** So many may be met in a day by requests. */
  readonly perDay: number
  /** `host` or `*.domain`: trusted when met. */
  readonly trustedDomains: readonly string[]
}

/** What is known of a host by its name alone, before it is met. */
export interface DomainRules {
  readonly banned: boolean
  readonly trusted: boolean
}

/** What settings and operators say of the domains that a host lies in. */
export async function rulesOf(
  database: Database,
  hostname: string,
  { trustedDomains }: Pick<NewHosts, 'trustedDomains'>,
): Promise<DomainRules> {
  const domains = domainsOf(hostname)
  const places = domains.map((_, i) => `$${i + 1}`).join(', ')
  const rows = await database.query<{ rule: string }>(
    `SELECT DISTINCT rule FROM domains WHERE domain IN (${places})`,
    domains,
  )
  return {
    banned: rows.some(({ rule }) => rule === 'ban'),
    trusted: rows.some(({ rule }) => rule === 'trust') || isInDomains(hostname, trustedDomains),
  }
}
