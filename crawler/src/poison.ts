import { hash } from 'node:crypto'

/** Frames remembered for one host; a host with more of them is met with its backoff. */
const MAX_REMEMBERED = 256

/**
 * Frames of a host over which the connection was closed (protocol.md G1, W4): met again at the same cursor they are
 * stepped over, instead of being reconnected into for ever.
 */
export class Poison {
  readonly #seen = new Set<string>()

  /** Whether this very frame closed the connection before; remembers it. */
  isKnown(frame: Uint8Array): boolean {
    const digest = hash('sha256', frame, 'base64')
    if (this.#seen.has(digest)) return true
    this.#seen.add(digest)
    if (this.#seen.size > MAX_REMEMBERED) this.#seen.delete(this.#seen.values().next().value as string)
    return false
  }
}
