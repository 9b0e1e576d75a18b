import type { Reason } from '@bgs/protocol/reasons/reason.ts'

/**
 * A frame that the verifier's strict scan found broken (W4), of which the crawler of that host has to hear: the stream that
 * brought it cannot be trusted any more.
 */
export interface BrokenFrame {
  readonly host: string
  readonly epoch: number
  readonly seq: number
  readonly reason: Reason
}
