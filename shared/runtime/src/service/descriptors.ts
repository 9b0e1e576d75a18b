import { closeSync, openSync, readFileSync } from 'node:fs'

/** Kept back for the files of log and database, servers, look-ups of names: a fourth, and no more than this. */
const MOST_RESERVED = 256

/**
 * Who asks for one more: a `stranger` that wants to be served; or a `host` that is to be crawled, and an `operator`, who get
 * some when strangers no longer do.
 */
export type DescriptorUse = 'stranger' | 'host' | 'operator'

/** How many files and sockets this process may have open (RLIMIT_NOFILE); undefined where that cannot be known. */
export function descriptorLimit(): number | undefined {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return line === null ? undefined : Number(line[1])
  } catch {
    return undefined
  }
}

/**
 * Watches over the descriptors of this process (invariant 12): one more connection must not take the one that the log needs
 * for its next segment. The kernel gives the lowest number that is free, so that one that is opened now tells how many
 * are: no counting.
 */
export class Descriptors {
  readonly limit: number | undefined
  readonly #open: () => number

  /** `open` opens one, tells its number and closes it. */
  constructor(limit: number | undefined, open: () => number = openOne) {
    this.limit = limit
    this.#open = open
  }

  /** Whether so many are open that there is none for this. */
  isShort(use: DescriptorUse): boolean {
    if (this.limit === undefined) return false
    const reserved = Math.min(MOST_RESERVED, Math.floor(this.limit / 4))
    const most = this.limit - (use === 'stranger' ? reserved : Math.floor(reserved / 2))
    try {
      return this.#open() >= most
    } catch {
      return true
    }
  }
}

function openOne(): number {
  const number = openSync('/dev/null', 'r')
  closeSync(number)
  return number
}

/** Those of this process, all of its threads. */
export const descriptors = new Descriptors(descriptorLimit())
