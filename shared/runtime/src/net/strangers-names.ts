import { machineAddresses } from './machine-names.ts'
import { type LookupParts, NameLookup } from './name-lookup.ts'
import { machineNameServers } from './name-servers.ts'

const HOSTS_PATH = '/etc/hosts'
const lookups = new Map<boolean, NameLookup>()

/**
 * The look-up for names of hosts and did:web, one in this thread for all who ask. In private mode hosts may have names
 * that only this machine or its network knows: there the machine's own resolver is asked, too.
 */
export function strangersNames(allowPrivate: boolean): NameLookup {
  const known = lookups.get(allowPrivate)
  if (known !== undefined) return known
  const parts: LookupParts = { servers: machineNameServers(), hostsPath: HOSTS_PATH }
  const lookup = new NameLookup(allowPrivate ? { ...parts, system: machineAddresses } : parts)
  lookups.set(allowPrivate, lookup)
  return lookup
}

/** The process ends: it waits for no name server. */
export function endLookups(): void {
  for (const lookup of lookups.values()) lookup.end()
}
