import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import type { WakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { trustHost } from '@bgs/database/hosts/trust-host.ts'
import { parseHost } from '@bgs/runtime/net/hostname.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { unlessAborted } from '@bgs/runtime/service/wait.ts'
import { newHosts } from './new-hosts.ts'

const MESSAGE_BYTES = 256

interface ConfiguredParts {
  readonly control: BusProducer<ControlMessage, () => void>
  readonly wakeUps: WakeUps
  /** Ends it early: the next start goes on. */
  readonly signal: AbortSignal
}

/**
 * Adds the hosts and upstream relays that the settings name, or asks for them again. Needs what reads `control`, or keeps
 * it: of a host that is known already the sequencer has to be told.
 */
export async function askForConfigured(
  database: Database,
  settings: Settings,
  { control, wakeUps, signal }: ConfiguredParts,
): Promise<void> {
  const { accountLimit } = newHosts(settings)
  const hosts = [
    ...settings.RELAY_HOSTS.map((text) => ({ text, upstream: false })),
    ...settings.RELAY_UPSTREAM_RELAYS.map((text) => ({ text, upstream: true })),
  ]
  const sendControl = async (message: ControlMessage) => {
    const acknowledged = new Promise<void>((resolve) => control.publish(0, message, MESSAGE_BYTES, resolve))
    await unlessAborted(acknowledged, signal)
    signal.throwIfAborted()
  }
  try {
    for (const { text, upstream } of hosts) {
      const { hostname } = parseHost(text, settings.RELAY_ALLOW_PRIVATE_HOSTS)
      const asked = { hostname, accountLimit, upstream, startLive: upstream, nowMs: Date.now() }
      await trustHost(database, { ...asked, source: 'setting' }, sendControl)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  wakeUps.emit('hosts')
}
