interface Waiting<Who> {
  readonly who: Who
  readonly begin: () => void
}

/** One at a time, in the order in which they asked. */
export class Turns<Who> {
  #owner: Who | undefined
  #waiting: readonly Waiting<Who>[] = []

  /** Whose turn it is. */
  get owner(): Who | undefined {
    return this.#owner
  }

  /** Calls `begin` once it is its turn, at once where it is. */
  take(who: Who, begin: () => void): void {
    if (this.#owner === undefined || this.#owner === who) {
      this.#owner = who
      begin()
    } else this.#waiting = [...this.#waiting, { who, begin }]
  }

  /** Ends its turn, or its wait. */
  leave(who: Who): void {
    this.#waiting = this.#waiting.filter((one) => one.who !== who)
    if (this.#owner !== who) return
    const [next, ...rest] = this.#waiting
    this.#owner = next?.who
    this.#waiting = rest
    next?.begin()
  }
}
