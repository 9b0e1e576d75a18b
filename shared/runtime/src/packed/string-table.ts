/** Numbers for names of a set that is bounded elsewhere, in the order they are first met; one string for each. */
export class StringTable {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.#names.length
    this.#numbers.set(name, number)
    this.#names.push(name)
    return number
  }

  /** The name of a number that was given out. */
  name(number: number): string {
    return this.#names[number] as string
  }

  /** The one string that is kept for this name. */
  intern(name: string): string {
    return this.name(this.numberOf(name))
  }
}
