import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import type { WakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { SubscriberList } from '@bgs/contract/subscribers.ts'
import type { NewHosts } from '@bgs/database/hosts/new-hosts.ts'
import type { FiledLog } from '@bgs/embedded/log/segment-log.ts'
import type { ProcessMetrics } from '@bgs/runtime/process-metrics/process-metrics.ts'

/** What the acts of operators work with. */
export interface AdminContext {
  readonly database: Database
  readonly control: BusProducer<ControlMessage, () => void>
  readonly wakeUps: WakeUps
  readonly log: Pick<FiledLog, 'bounds' | 'read' | 'files'>
  readonly subscribers: SubscriberList
  /** What each process of the relay says of itself. */
  readonly processMetrics: () => Promise<readonly ProcessMetrics[]>
  /** Has an account's PDS asked for its status; must return at once. */
  readonly ask: (question: { did: string; host: string; version: number }) => void
  readonly newHosts: NewHosts
  readonly allowPrivate: boolean
  readonly now: () => number
}
