import { pino } from 'pino'
import { countLost } from './log-counts.ts'
import type { LogDescriptor } from './log-descriptor.ts'

/** No line is longer: what cannot be said in so many bytes is cut. */
export const MAX_LINE_BYTES = 16 * 1024
/** Lines that wait for a reader. */
const MAX_WAITING_BYTES = 1024 * 1024
/** Further ones where a process ends: the last words are what matters most. */
const MAX_FATAL_BYTES = 128 * 1024
const RETRY_MS = 50
/** For the last lines, at the end of the process or before it, to be taken. */
const FLUSH_MS = 500
const FLUSH_LOOK_MS = 5
const FATAL = 60
const CUT_CHARS = 1_000

/**
 * Where the lines of a thread go: written at once while somebody reads them, else kept up to a bound, beyond which they are
 * left out and counted (invariant 12). Nothing here waits, but at the end of the process, and nothing throws: whoever reads
 * the log, or stops to, is never a reason for the relay to stand still.
 */
export class LogOutput {
  /** Has pino say the level of the line in `lastLevel`. */
  readonly [pino.symbols.needsMetadataGsym] = true
  lastLevel = 0
  readonly #open: () => LogDescriptor
  #descriptor: LogDescriptor | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #leftOut = 0
  #retry: NodeJS.Timeout | undefined

  constructor(open: () => LogDescriptor) {
    this.#open = open
  }

  /** Bytes that wait to be taken. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Takes one line, as pino makes it. */
  write(line: string): void {
    const bytes = bounded(line)
    const isFatal = this.lastLevel >= FATAL
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES + (isFatal ? MAX_FATAL_BYTES : 0)) {
      this.#leftOut++
      return countLost('full', 1)
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#retry === undefined) this.#drain()
  }

  /** Waits a moment for what waits to be taken: at the end of the process, and by pino after a fatal line. */
  flushSync(): void {
    const looks = FLUSH_MS / FLUSH_LOOK_MS
    const sleep = new Int32Array(new SharedArrayBuffer(4))
    for (let look = 0; look < looks && !this.#drain(); look++) Atomics.wait(sleep, 0, 0, FLUSH_LOOK_MS)
  }

  /** Writes what is taken without waiting; whether that was all. */
  #drain(): boolean {
    clearTimeout(this.#retry)
    this.#retry = undefined
    try {
      this.#descriptor ??= this.#open()
      for (let i = 0; i < this.#waiting.length; i++) {
        const line = this.#waiting[i] as Buffer
        const taken = this.#descriptor.write(line)
        this.#waitingBytes -= taken
        if (taken === line.length) continue
        this.#waiting[i] = line.subarray(taken)
        this.#waiting = this.#waiting.slice(i)
        this.#retry = setTimeout(() => this.#drain(), RETRY_MS).unref()
        return false
      }
    } catch {
      // Nobody reads any more, or the disk is full: what comes later is tried again.
      countLost('unwritable', this.#waiting.length)
      this.#waitingBytes = 0
    }
    this.#waiting = []
    return this.#leftOut === 0 || this.#writeLeftOut()
  }

  #writeLeftOut(): boolean {
    const lines = this.#leftOut
    this.#leftOut = 0
    const time = new Date().toISOString()
    const msg = 'lines of the log were left out: they were not read as quickly as they came'
    this.lastLevel = 0
    this.write(`${JSON.stringify({ level: 'warn', time, lines, msg })}\n`)
    return this.#waiting.length === 0
  }
}

/** The bytes of a line; of one that is too long its level, time and the beginning of its message. */
function bounded(line: string): Buffer {
  const bytes = Buffer.from(line)
  if (bytes.length <= MAX_LINE_BYTES) return bytes
  const { level, time, msg } = JSON.parse(line) as Record<string, unknown>
  const cut = { level, time, cutBytes: bytes.length, msg: String(msg ?? '').slice(0, CUT_CHARS) }
  return Buffer.from(`${JSON.stringify(cut)}\n`)
}
