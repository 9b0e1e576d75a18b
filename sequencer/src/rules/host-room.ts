/** What a host has and may have (protocol.md H8). */
export interface HostCounts {
  readonly accountCount: number
  readonly throttledCount: number
  readonly accountLimit: number
}

/** Whether a host may have one account more that is not throttled. */
export function hasRoom({ accountCount, throttledCount, accountLimit }: HostCounts): boolean {
  return accountCount - throttledCount < accountLimit
}
