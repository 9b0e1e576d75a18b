interface Entry {
  value: string
  /** By the server's clock, milliseconds; undefined: never. */
  expiresMs: number | undefined
  /** Keys are numbered in the order in which they were made. */
  readonly serial: number
}

/** A repetition in a scan comes about so often for each page: a client must bear it. */
const REPEATS = 0.25

/** The keys of a server, all of them texts. One that has expired is no longer there. */
export class Keyspace {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number
  readonly #chance: () => number
  #serial = 0

  constructor(now: () => number, chance: () => number) {
    this.#now = now
    this.#chance = chance
  }

  get(key: string): string | undefined {
    return this.#find(key)?.value
  }

  /** `expiresMs` undefined: it never expires. */
  set(key: string, value: string, expiresMs: number | undefined): void {
    const known = this.#find(key)
    if (known === undefined) this.#entries.set(key, { value, expiresMs, serial: ++this.#serial })
    else Object.assign(known, { value, expiresMs })
  }

  /** When it expires; undefined: there is none, or it never does. */
  expiresMs(key: string): number | undefined {
    return this.#find(key)?.expiresMs
  }

  /** Returns whether it was there. */
  delete(key: string): boolean {
    return this.#find(key) !== undefined && this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /**
   * Some keys behind a cursor, and the next cursor; 0 begins, and says that there is no more. As Redis promises: what is
   * there all the time is found, maybe twice; what comes or goes meanwhile may be found or not.
   */
  scan(cursor: number, count: number): { readonly next: number; readonly keys: readonly string[] } {
    const all = [...this.#entries.keys()].flatMap((key) => {
      const entry = this.#find(key)
      return entry === undefined ? [] : [{ key, serial: entry.serial }]
    })
    const from = all.findIndex(({ serial }) => serial > cursor)
    if (from < 0) return { next: 0, keys: [] }
    const page = all.slice(from, from + count)
    const next = from + count < all.length ? (page.at(-1)?.serial ?? 0) : 0
    const repeated = from > 0 && this.#chance() < REPEATS ? all.slice(from - 1, from) : []
    return { next, keys: [...repeated, ...page].map(({ key }) => key) }
  }

  #find(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry?.expiresMs === undefined || this.#now() <= entry.expiresMs) return entry
    this.#entries.delete(key)
    return undefined
  }
}
