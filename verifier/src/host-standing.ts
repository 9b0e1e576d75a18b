/** Looked up in vain so often, less the times that it was not, a host is one whose frames are not worth waiting for. */
const IN_VAIN = 16
/** A host's score stays within this, so that neither a good nor a bad past outweighs what it does now. */
const MOST = 64
/** Hosts remembered; the one not heard of for longest is forgotten, and is in good standing again. */
const MAX_HOSTS = 10_000

/**
 * What came of the look-ups that were made for a host's frames: accounts that name it, or none that do. A relay that starts
 * in front of a large network knows no account: of hosts whose accounts are theirs it waits for each, and reads no faster
 * than the directory is to be asked. One that speaks of accounts that are not its own must not make others wait (H10).
 */
export class HostStanding {
  readonly #scores = new Map<string, number>()

  /** A frame's identity was settled: `isItsOwn` where the document names the host. */
  note(host: string, isItsOwn: boolean): void {
    const score = (this.#scores.get(host) ?? 0) + (isItsOwn ? 1 : -1)
    this.#scores.delete(host)
    this.#scores.set(host, Math.max(-MOST, Math.min(MOST, score)))
    if (this.#scores.size > MAX_HOSTS) this.#scores.delete(this.#scores.keys().next().value as string)
  }

  isGood(host: string): boolean {
    return (this.#scores.get(host) ?? 0) > -IN_VAIN
  }
}
