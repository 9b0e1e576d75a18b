/**
 * Corpora by what a frame of theirs has on average: 2.5 KB, what other relays were measured with, and 5 KB, the live
 * network's average. Larger repos have deeper trees, of which each commit shows a path.
 */
export const FRAME_SIZES = {
  '2.5 KB': { recordSize: 300, seedRecords: 50 },
  '5 KB': { recordSize: 2_400, seedRecords: 4_000 },
} as const

export type FrameSize = keyof typeof FRAME_SIZES
