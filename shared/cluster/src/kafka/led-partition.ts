/** No epoch, or none that is known. In a request: any leader may answer. */
export const NO_EPOCH = -1

/** A partition, and the epoch of its leader where it is known: one that was replaced, and does not know it, refuses (KIP-320). */
export interface LedPartition {
  readonly partition: number
  readonly epoch?: number | undefined
}
