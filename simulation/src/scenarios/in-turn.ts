/** Does one thing after another. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves when all that was begun before, and this, is done. */
  run<T>(act: () => Promise<T>): Promise<T> {
    const acting = this.#last.then(act)
    this.#last = acting
    return acting
  }
}
