/** A running relay, or a part of one. */
export interface Relay {
  readonly opsPort: number
  /** Rejects when a part of it fails. */
  readonly fault: Promise<never>
  /** Stops reading hosts, drains, saves, sends subscribers away. */
  stop(): Promise<void>
}
