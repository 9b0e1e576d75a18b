/** A running relay, or a part of one. */
export interface Relay {
  readonly opsPort: number
  /** Rejects when a part of it fails. */
  readonly fault: Promise<never>
  /** It ends by a fault, `isOwn`: of its own code: notes over which event, where that is known (invariant 14). */
  noteFault(isOwn: boolean): Promise<void>
  /** Stops reading hosts, drains, saves, sends subscribers away. */
  stop(): Promise<void>
}
