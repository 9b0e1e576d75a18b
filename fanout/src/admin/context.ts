import type { BusProducer } from '@bgs/shared/bus/bus.ts'
import type { WakeUps } from '@bgs/shared/bus/wake-ups.ts'
import type { Database } from '@bgs/shared/db/database.ts'
import type { ControlMessage } from '@bgs/shared/envelope/control.ts'
import type { ProcessFigures } from '@bgs/shared/figures/process-figures.ts'
import type { NewHosts } from '@bgs/shared/hosts/new-hosts.ts'
import type { FiledLog } from '@bgs/shared/log/segment-log.ts'
import type { Consumers } from '../consumers/consumers.ts'

/** What the acts of operators work with. */
export interface AdminContext {
  readonly database: Database
  readonly control: BusProducer<ControlMessage, () => void>
  readonly wakeUps: WakeUps
  readonly log: Pick<FiledLog, 'bounds' | 'read' | 'files'>
  readonly consumers: Consumers
  /** What each process of the relay says of itself. */
  readonly figures: () => Promise<readonly ProcessFigures[]>
  /** Has an account's PDS asked for its status; must return at once. */
  readonly ask: (question: { did: string; host: string; version: number }) => void
  readonly newHosts: NewHosts
  readonly allowPrivate: boolean
  readonly now: () => number
}
