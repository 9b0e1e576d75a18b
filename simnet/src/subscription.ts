import type { EventLog } from './event-log.ts'
import type { ServerSocket } from './server-socket.ts'

/** Bytes put into one socket write; larger ones stop paying. */
const WRITE_BYTES = 256 * 1024

/** How often a rate-limited subscription gets new allowance. */
const RATE_TICK_MILLIS = 10

/** What the host lets its subscriptions do, shared by all of them. */
export interface SendingPolicy {
  paused: boolean
  /** null = as fast as the socket takes it */
  eventsPerSecond: number | null
}

/**
 * One subscriber of a host: a position in the log. Backfill and live are the same walk, so the cutover has neither
 * gap nor duplicate (protocol.md Q7). Frames that lie next to each other in memory go out as one slice, the others
 * through one gathered write.
 */
export class Subscription {
  readonly socket: ServerSocket
  lastSeq: number
  sentEvents = 0
  private readonly log: EventLog
  private readonly policy: SendingPolicy
  private index: number
  private version: number
  private waitingForDrain = false as boolean
  private allowance = 0
  private lastRefill = 0
  private timer: NodeJS.Timeout | null = null

  constructor(socket: ServerSocket, log: EventLog, policy: SendingPolicy, cursor: number) {
    this.socket = socket
    this.log = log
    this.policy = policy
    this.lastSeq = cursor
    this.index = log.indexAfter(cursor)
    this.version = log.version
    socket.socket.on('drain', () => {
      this.waitingForDrain = false
      this.pump()
    })
  }

  /** Whether everything in the log has been written to the socket. */
  get caughtUp(): boolean {
    return this.version === this.log.version && this.index >= this.log.length
  }

  /** Writes as much as policy and back-pressure allow. */
  pump(): void {
    while (!this.waitingForDrain && !this.policy.paused && this.socket.open) {
      if (this.version !== this.log.version) {
        // Entries vanished, so indexes moved. A wiped log begins again below what was sent.
        if (this.lastSeq > this.log.newestSeq) this.lastSeq = 0
        this.index = this.log.indexAfter(this.lastSeq)
        this.version = this.log.version
      }
      const allowed = this.takeAllowance()
      if (allowed === 0 || this.index >= this.log.length) break
      this.waitingForDrain = !this.writeBatch(allowed)
    }
    this.schedule()
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private writeBatch(allowed: number): boolean {
    const runs: Buffer[] = []
    let bytes = 0
    let count = 0
    while (count < allowed && bytes < WRITE_BYTES) {
      const entry = this.log.at(this.index)
      if (entry === undefined) break
      appendRun(runs, entry.frame)
      bytes += entry.frame.length
      this.index++
      count++
      // A hostile host's seq may step back; the position in the log must not.
      this.lastSeq = Math.max(this.lastSeq, entry.seq)
    }
    this.allowance -= count
    this.sentEvents += count
    const { socket } = this.socket
    if (runs.length > 1) socket.cork()
    let writable = true
    for (const run of runs) writable = this.socket.write(run)
    if (runs.length > 1) process.nextTick(() => socket.uncork())
    return writable
  }

  private takeAllowance(): number {
    const rate = this.policy.eventsPerSecond
    if (rate === null) return Number.POSITIVE_INFINITY
    const now = performance.now()
    if (this.lastRefill === 0) this.lastRefill = now
    if (!Number.isFinite(this.allowance) || this.allowance < 0) this.allowance = 0
    // At most a fifth of a second is saved up, so that a pause is not followed by a burst.
    this.allowance = Math.min(this.allowance + ((now - this.lastRefill) / 1000) * rate, Math.max(1, rate / 5))
    this.lastRefill = now
    return Math.floor(this.allowance)
  }

  private schedule(): void {
    if (this.policy.eventsPerSecond === null || this.caughtUp || this.timer !== null) return
    if (this.policy.paused || !this.socket.open) return
    this.timer = setTimeout(() => {
      this.timer = null
      this.pump()
    }, RATE_TICK_MILLIS)
  }
}

/** Adds a frame to the runs, lengthening the last run where the bytes follow each other in one ArrayBuffer. */
function appendRun(runs: Buffer[], frame: Buffer): void {
  const last = runs.at(-1)
  if (
    last !== undefined &&
    last.buffer === frame.buffer &&
    last.byteOffset + last.length === frame.byteOffset
  ) {
    runs[runs.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + frame.length)
  } else runs.push(frame)
}
