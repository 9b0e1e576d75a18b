import { clientAddressReader } from '@bgs/fanout/http/client-address.ts'
import { HostnameError, parseHost } from '@bgs/shared/net/hostname.ts'
import { ConfigError } from '@bgs/shared/service/config.ts'
import type { Settings } from '@bgs/shared/service/settings.ts'

/** What can only be judged with several settings together. Throws ConfigError. */
export function checkValues(settings: Settings): void {
  const problems: string[] = []
  for (const host of settings.RELAY_HOSTS) {
    try {
      parseHost(host, settings.RELAY_ALLOW_PRIVATE_HOSTS)
    } catch (error) {
      if (!(error instanceof HostnameError)) throw error
      problems.push(
        `RELAY_HOSTS: ${JSON.stringify(host)}: ${error.message}; for example RELAY_HOSTS=pds.example.com`,
      )
    }
  }
  try {
    clientAddressReader(settings.RELAY_TRUSTED_PROXIES)
  } catch (error) {
    problems.push(
      `RELAY_TRUSTED_PROXIES: ${(error as Error).message}; for example RELAY_TRUSTED_PROXIES=10.0.0.0/8`,
    )
  }
  if (problems.length > 0) throw new ConfigError(problems)
}
