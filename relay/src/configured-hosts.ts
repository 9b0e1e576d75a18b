import type { Database } from '@bgs/contract/database.ts'
import { askForHost } from '@bgs/database/hosts/host-rows.ts'
import { parseHost } from '@bgs/runtime/net/hostname.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { newHosts } from './new-hosts.ts'

/** Adds the hosts and upstream relays that the settings name, or asks for them again. */
export async function askForConfigured(database: Database, settings: Settings): Promise<void> {
  const allowPrivate = settings.RELAY_ALLOW_PRIVATE_HOSTS
  const { accountLimit } = newHosts(settings)
  const common = { trusted: true, accountLimit, source: 'setting' } as const
  for (const text of settings.RELAY_HOSTS) {
    const { hostname } = parseHost(text, allowPrivate)
    await askForHost(database, { ...common, hostname, nowMs: Date.now() })
  }
  for (const text of settings.RELAY_UPSTREAM_RELAYS) {
    const { hostname } = parseHost(text, allowPrivate)
    await askForHost(database, { ...common, hostname, upstream: true, startLive: true, nowMs: Date.now() })
  }
}
