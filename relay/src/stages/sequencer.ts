import type { BusConsumer, BusProducer } from '@bgs/contract/bus/bus.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import type { Log } from '@bgs/contract/log/log.ts'
import { HostStats } from '@bgs/sequencer/housekeeping/host-stats.ts'
import { StatusRechecker } from '@bgs/sequencer/housekeeping/status-rechecker.ts'
import { ThrottleReleaser } from '@bgs/sequencer/housekeeping/throttle-releaser.ts'
import type { SequencerMetrics } from '@bgs/sequencer/metrics.ts'
import { replayLog } from '@bgs/sequencer/replay-log.ts'
import { Sequencer, type StatusQuestion } from '@bgs/sequencer/sequencer.ts'
import { State } from '@bgs/sequencer/state/state.ts'
import type { View } from '@bgs/sequencer/view.ts'
import { accountRateSettings } from '../account-rate-settings.ts'
import { newHosts } from '../new-hosts.ts'
import type { StageContext } from './stage-context.ts'

export interface SequencerPorts {
  readonly verified: BusConsumer<VerifiedEnvelope>
  readonly control: BusConsumer<ControlMessage>
  readonly log: Log
  readonly state: State
  readonly view: View
  readonly metrics: SequencerMetrics
  /** Has an account's PDS asked for its status; must return at once. */
  readonly ask: (question: StatusQuestion) => void
}

export interface HousekeepingPorts {
  readonly control: BusProducer<ControlMessage, () => void>
  readonly metrics: SequencerMetrics
  readonly ask: (question: StatusQuestion) => void
}

/** The state up to the end of the log, from the database as of `position`. Throws as `replayLog` does. */
export async function openState(
  { settings, database }: Pick<StageContext, 'settings' | 'database'>,
  log: Log,
  position: number,
  signal?: AbortSignal,
) {
  const state = new State(database, newHosts(settings).accountLimit, settings.RELAY_ACCOUNT_CACHE_BYTES)
  return { state, ...(await replayLog(log, database, state, position, signal)) }
}

/** The sequencer. It orders from when it is run. */
export function buildSequencer({ settings, rejections, logger }: StageContext, ports: SequencerPorts) {
  return new Sequencer({
    ...ports,
    partitions: settings.RELAY_RAW_PARTITIONS,
    logger: logger.child({ part: 'sequencer' }),
    rejections,
    accountRate: accountRateSettings(settings),
    now: Date.now,
  })
}

/** The loops beside the order: each is tended for as long as this process leads. */
export function buildHousekeeping(
  { settings, database }: StageContext,
  { control, metrics, ask }: HousekeepingPorts,
) {
  return {
    stats: new HostStats(database, metrics),
    releaser: new ThrottleReleaser(database, control, Date.now),
    rechecker: new StatusRechecker(database, ask, settings.RELAY_RECHECK_MINUTES * 60_000),
  }
}
