import { HostnameError, parseDomain, parseHost } from '@bgs/runtime/net/hostname.ts'
import { ClientAddresses } from '@bgs/runtime/service/client-address.ts'
import { ConfigError } from '@bgs/runtime/service/config.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'

/** What can only be judged with several settings together. Throws ConfigError. */
export function checkValues(settings: Settings): void {
  const problems: string[] = []
  const allowPrivate = settings.RELAY_ALLOW_PRIVATE_HOSTS
  const host = (text: string) => parseHost(text, allowPrivate)
  problems.push(
    ...namesThatAreNone('RELAY_HOSTS', settings.RELAY_HOSTS, host, 'pds.example.com'),
    ...namesThatAreNone('RELAY_UPSTREAM_RELAYS', settings.RELAY_UPSTREAM_RELAYS, host, 'relay.example.com'),
    ...namesThatAreNone(
      'RELAY_TRUSTED_DOMAINS',
      settings.RELAY_TRUSTED_DOMAINS,
      parseDomain,
      '*.example.com',
    ),
  )
  try {
    new ClientAddresses(settings.RELAY_TRUSTED_PROXIES)
  } catch (error) {
    problems.push(
      `RELAY_TRUSTED_PROXIES: ${(error as Error).message}; for example RELAY_TRUSTED_PROXIES=10.0.0.0/8`,
    )
  }
  const missing = CLUSTER_SETTINGS.filter((name) => settings[name].length === 0)
  if (missing.length > 0 && missing.length < CLUSTER_SETTINGS.length)
    problems.push(`${missing.join(', ')}: not set; a cluster needs all of ${CLUSTER_SETTINGS.join(', ')}`)
  if (problems.length > 0) throw new ConfigError(problems)
}

function namesThatAreNone(
  setting: string,
  texts: readonly string[],
  parse: (text: string) => unknown,
  example: string,
): string[] {
  return texts.flatMap((text) => {
    try {
      parse(text)
      return []
    } catch (error) {
      if (!(error instanceof HostnameError)) throw error
      return [`${setting}: ${JSON.stringify(text)}: ${error.message}; for example ${setting}=${example}`]
    }
  })
}

/** Without these a process is a relay of its own; with them it is part of a cluster. */
const CLUSTER_SETTINGS = ['RELAY_DATABASE_URL', 'RELAY_REDIS_URL', 'RELAY_KAFKA_BROKERS'] as const

export function isCluster(settings: Settings): boolean {
  return CLUSTER_SETTINGS.every((name) => settings[name].length > 0)
}

/** What a role of its own cannot do without. Throws ConfigError that names the settings. */
export function checkCluster(role: string, settings: Settings): void {
  const missing = CLUSTER_SETTINGS.filter((name) => settings[name].length === 0)
  if (missing.length === 0) return
  throw new ConfigError([
    `${role}: needs ${missing.join(', ')}; for example RELAY_DATABASE_URL=postgres://localhost/relay ` +
      `RELAY_REDIS_URL=redis://localhost:6379 RELAY_KAFKA_BROKERS=localhost:9092`,
  ])
}
