import type { Settings } from '@bgs/runtime/service/settings.ts'
import type { AccountRateSettings } from '@bgs/sequencer/rules/account-rate-limit.ts'

/** What one account may do before it is throttled, and for how long (protocol.md 3.6). */
export function accountRateSettings(settings: Settings): AccountRateSettings {
  return {
    eventsPerHour: settings.RELAY_ACCOUNT_EVENTS_PER_HOUR,
    throttleMs: settings.RELAY_THROTTLE_MINUTES * 60_000,
  }
}
