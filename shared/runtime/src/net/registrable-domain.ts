import { getDomain } from 'tldts'

/** Names remembered: to look one up costs a microsecond or two. */
const MAX_REMEMBERED = 10_000
const known = new Map<string, string>()

/**
 * The domain that somebody had to register for this host to have its name, by the public suffix list; the host itself
 * where there is none (`localhost:PORT`, an address). Names under one domain cost nothing, so shares that are kept by
 * host are kept by this, too.
 */
export function registrableDomain(hostname: string): string {
  let domain = known.get(hostname)
  if (domain === undefined) {
    domain = getDomain(hostname, { allowPrivateDomains: true }) ?? hostname
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(hostname, domain)
  }
  return domain
}
