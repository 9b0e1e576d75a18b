import type { Reason } from './reason.ts'

/** Rejections after which nothing that follows on the connection can be trusted to be a frame (W4): it is closed. */
const BROKEN_STREAM: ReadonlySet<Reason> = new Set([
  'frame-malformed',
  'frame-not-canonical',
  'frame-over-guard',
  'frame-too-large',
  'frame-text',
])

/** Whether a rejection closes the connection; any other is over one event's contents, and the stream goes on (G1). */
export function breaksStream(reason: Reason): boolean {
  return BROKEN_STREAM.has(reason)
}
