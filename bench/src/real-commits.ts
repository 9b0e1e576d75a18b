/** Of these a frame has about 5 KB and 10 blocks, the average of the live network. */
export const REAL_COMMITS = { records: 4_000, textBytes: 900, seed: 7 } as const
