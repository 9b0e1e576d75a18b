import { startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { rssOf } from './process-cpu.ts'

/** A relay that is measured, in a process of its own. */
export interface RelayUnderTest extends AsyncDisposable {
  /** `ws://…` of the event stream, without a cursor. */
  readonly url: string
  /** CPU seconds of the process, user and system, all threads. */
  readonly cpuSeconds: () => number
  /** Resident memory now, bytes. */
  readonly rss: () => number
  /** Highest resident memory so far, bytes. */
  readonly peakRss: () => number
}

/** What a relay is started with. */
export interface RelayPlace {
  /** Its data; empty, or from an earlier run. */
  readonly folder: string
  readonly plcUrl: string
  /** `http://localhost:PORT` of each host. */
  readonly hosts: readonly string[]
}

export type StartRelay = (place: RelayPlace) => Promise<RelayUnderTest>

/** This relay, all stages in one process, as `npm start` runs it; without ports it gets any that are free. */
export function embeddedRelay(ports?: { port: number; opsPort: number }): StartRelay {
  return async ({ folder, plcUrl, hosts }) => {
    const env = {
      RELAY_DATA_DIR: folder,
      RELAY_PLC_URL: plcUrl,
      RELAY_HOSTS: hosts.join(','),
      RELAY_ALLOW_PRIVATE_HOSTS: 'true',
    }
    const relay = await startRelayProcess(env, ports)
    return {
      url: relay.url,
      cpuSeconds: relay.cpuSeconds,
      rss: () => rssOf(relay.pid),
      peakRss: relay.peakRss,
      [Symbol.asyncDispose]: async () => {
        await relay.kill('SIGKILL')
      },
    }
  }
}

/** The same on any ports. */
export const startEmbeddedRelay = embeddedRelay()
