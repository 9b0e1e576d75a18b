import type { SharedAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import type { LogSnapshot, LogUpdate } from './log-replica.ts'

/** What a serving thread is given when it begins. */
export interface ThreadStart {
  readonly index: number
  readonly logLevel: string
  readonly trustedProxies: readonly string[]
  readonly limits: SharedAddressLimits
  readonly deflate: boolean
  readonly log: LogSnapshot
  /** Accounts taken down as of the log's newest entry. */
  readonly takedowns: readonly string[]
  readonly notReady: string | undefined
}

/** Said by the main thread without being asked. */
export interface MainUpdate {
  /** What the serving thread answers when it has taken this update. */
  readonly bytes: number
  readonly log: LogUpdate
  readonly notReady: string | undefined
  /** Where batches were left out before this update; with the accounts that are taken down by now. */
  readonly anew?: { readonly takedowns: readonly string[] }
}

/** Posted by a serving thread: it has taken updates of so many bytes. */
export interface ThreadUpdate {
  readonly taken: number
}

/** Asked of a serving thread: for the port that it listens on, its metrics as JSON, its subscribers, nothing. */
export type ToThread =
  | { readonly what: 'listen'; readonly port: number; readonly host: string }
  | { readonly what: 'metrics' }
  | { readonly what: 'subscribers' }
  | { readonly what: 'disconnect'; readonly id: string }
  | { readonly what: 'close' }

/** Asked of the main thread: for the log's head; for an Answer. */
export type ToMain =
  | { readonly what: 'head' }
  | {
      readonly what: 'call'
      readonly nsid: string
      readonly params: string
      readonly address: string
      readonly body: unknown
    }
