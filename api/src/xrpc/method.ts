import type { WakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { LogReader } from '@bgs/contract/log/log.ts'
import type { NewHosts } from '@bgs/database/hosts/new-hosts.ts'
import type { Answer } from '../http/answer.ts'
import type { CallLimits } from '../http/call-limits.ts'

/** What the methods work with. */
export interface XrpcContext {
  readonly database: Database
  readonly wakeUps: WakeUps
  readonly limits: CallLimits
  readonly allowPrivate: boolean
  readonly newHosts: NewHosts
  readonly log: Pick<LogReader, 'bounds'>
  /** How far the replay window reaches back at most, in hours. */
  readonly windowHours: number
  /** Events that were sequenced, of late. */
  readonly eventsPerSecond: () => number
  readonly now: () => number
}

export interface XrpcRequest {
  readonly params: URLSearchParams
  /** Of the client, behind trusted proxies. */
  readonly address: string
  /** Parsed JSON; undefined for a query. */
  readonly body: unknown
}

export interface XrpcMethod {
  readonly kind: 'query' | 'procedure'
  readonly handle: (request: XrpcRequest, context: XrpcContext) => Promise<Answer>
}
