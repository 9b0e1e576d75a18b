import type { HostRowSeen } from '@bgs/database/hosts/host-rows.ts'

/** What a look at the hosts has found since the last one. */
export interface HostsSeen {
  /** This process's, new or changed: asked for again, changed by an operator, or suspended (banned or paused). */
  readonly assigned: readonly HostRowSeen[]
  /** No longer this process's: another has them. */
  readonly revoked: readonly string[]
  /** More than its share: to be given up with `release` once they are read no further. */
  readonly excess: readonly string[]
}

/** Which hosts this crawler crawls: all there are, or those that it has leased. */
export interface Ownership {
  /** Looks again. What was told before is told again only if it changed. */
  look(): Promise<HostsSeen>
  /** Gives hosts up, for others to take; without names all of them. */
  release(hostnames?: readonly string[]): Promise<void>
}
