import type { Settings } from '@bgs/runtime/service/settings.ts'
import type { ConductLimits } from '@bgs/sequencer/rules/conduct.ts'

/** What one account may do before it is throttled, and for how long (protocol.md 3.6). */
export function conductLimits(settings: Settings): ConductLimits {
  return {
    eventsPerHour: settings.RELAY_ACCOUNT_EVENTS_PER_HOUR,
    throttleMs: settings.RELAY_THROTTLE_MINUTES * 60_000,
  }
}
