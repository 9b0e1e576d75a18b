/** Of what was committed so much is kept, in messages of clients: hours of a cluster that has little to do. */
const MOST = 500_000

/** What a client sent, as the engine got it. */
export interface Deed {
  readonly bytes: Uint8Array
  /** Names of the statements that it prepares. */
  readonly prepares: ReadonlySet<string>
  /** The Parse of each statement that it uses, by its name. */
  readonly needs: ReadonlyMap<string, Uint8Array>
  /** Of the session, as text. */
  readonly settings: string
  /** What the clock showed, which stands still meanwhile. */
  readonly wallMs: number
}

interface Committed {
  readonly atMs: number
  readonly deeds: readonly Deed[]
}

/** What has been committed since the database was empty, in its order: enough to make it anew as it was at any moment. */
export class Journal {
  #all: Committed[] = []
  #deeds = 0

  /** `atMs` is the moment of the commit, of a clock that never steps. */
  add(atMs: number, deeds: readonly Deed[]): void {
    this.#deeds += deeds.length
    if (this.#deeds > MOST) this.#all = []
    else this.#all.push({ atMs, deeds })
  }

  /**
   * Forgets what was committed after a moment, and gives the rest. `lost` is how many transactions are forgotten. Throws
   * where it has become too long to be kept.
   */
  cut(untilMs: number): { readonly deeds: Deed[]; readonly lost: number } {
    if (this.#deeds > MOST) throw new RangeError(`more than ${MOST} messages: too long a run for a journal`)
    const before = this.#all.length
    this.#all = this.#all.filter(({ atMs }) => atMs <= untilMs)
    this.#deeds = this.#all.reduce((sum, { deeds }) => sum + deeds.length, 0)
    return { deeds: this.#all.flatMap(({ deeds }) => deeds), lost: before - this.#all.length }
  }
}
