import { TRUSTED_ACCOUNT_LIMIT } from '@bgs/database/hosts/host-rows.ts'
import type { NewHosts } from '@bgs/database/hosts/new-hosts.ts'
import { parseDomain } from '@bgs/runtime/net/hostname.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'

/** As protocol.md H6 and H8 recommend; on one's own machine nobody is to be protected from anybody. */
const ACCOUNTS = 100
const PER_DAY = 50

/** How hosts are treated that this relay meets. */
export function newHosts(settings: Settings): NewHosts {
  const isPrivate = settings.RELAY_ALLOW_PRIVATE_HOSTS
  return {
    accountLimit: settings.RELAY_NEW_HOST_ACCOUNT_LIMIT ?? (isPrivate ? TRUSTED_ACCOUNT_LIMIT : ACCOUNTS),
    perDay: settings.RELAY_NEW_HOSTS_PER_DAY ?? (isPrivate ? Number.MAX_SAFE_INTEGER : PER_DAY),
    trustedDomains: settings.RELAY_TRUSTED_DOMAINS.map(parseDomain),
  }
}
