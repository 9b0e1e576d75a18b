/**
 * A host's name and the domains above it, the nearest first: rules of a domain hold for all that lies under it
 * (protocol.md H6, H9). A port belongs to the name alone.
 */
export function domainsOf(hostname: string): string[] {
  const domains = [hostname]
  const name = hostname.split(':')[0] as string
  if (name !== hostname) domains.push(name)
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
    domains.push(name.slice(dot + 1))
  return domains
}

/** Whether a host lies in one of these domains: `example.com` for that name alone, `*.example.com` for all under it. */
export function isInDomains(hostname: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern,
  )
}
