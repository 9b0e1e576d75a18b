/** One subscriber, as an operator sees it. */
export interface SubscriberInfo {
  /** Names it among all nodes for as long as it is connected. */
  readonly id: string
  readonly address: string
  readonly userAgent: string
  readonly sinceMs: number
  /** Seq of the next event that it gets; those between it and the head it does not have yet. */
  readonly next: number
  /** Events and bytes that it was sent, and of late per second. */
  readonly events: number
  readonly bytes: number
  readonly eventsPerSecond: number
  /** Bytes that wait in its socket. */
  readonly queuedBytes: number
}

/** The subscribers that an operator can see and send away: of this process, or of all nodes. */
export interface SubscriberList {
  list(): Promise<readonly SubscriberInfo[]>
  /** Sends one away; nothing where it is gone already. */
  disconnect(id: string): Promise<void>
}
