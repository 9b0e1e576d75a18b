import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'

export interface QueuedFrame {
  readonly raw: BusEntry<RawEnvelope>
  /** Batches up to this one were handed to the judges before this entry: they come first. */
  readonly after: number
  /** When it was put into a queue, in monotonic milliseconds. */
  readonly takenMs: number
}

/** The frames of one DID that go one by one, because its identity must be looked up or looked at again. */
export interface DidQueue {
  readonly did: string
  readonly entries: QueuedFrame[]
  /** The entry that is being worked off, and the way to end its wait for an identity. */
  current: { readonly entry: QueuedFrame; readonly ended: AbortController } | undefined
  /** Ends the pause that it makes though the directory answers; undefined where it makes none. */
  pause: AbortController | undefined
  /** Since when its identity could not be had; undefined while it is not parked. */
  parkedSinceMs: number | undefined
}

/** An entry that has to give way to others, and the queue that it is in. */
export interface Yielding {
  readonly queue: DidQueue
  readonly entry: QueuedFrame
}
