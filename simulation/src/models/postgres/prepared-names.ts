import { type Message, message, query, texts } from './wire.ts'

/** What a Describe or a Close begins with where it is about a statement. */
const STATEMENT = 'S'.charCodeAt(0)
/** What a client sends, in the names of the engine. */
export interface Renamed {
  readonly bytes: Buffer
  /** Names of the statements that it prepares. */
  readonly prepares: ReadonlySet<string>
  /** The Parse of each statement that it uses and does not prepare itself. */
  readonly needs: ReadonlyMap<string, Buffer>
}

/**
 * A connection's prepared statements. In PostgreSQL their names are the connection's own; the one engine gets them with a
 * prefix of the connection.
 */
export class PreparedNames {
  readonly #prefix: string
  /** By their names in the engine. */
  readonly #parses = new Map<string, { readonly parse: Buffer; readonly sql: string }>()

  constructor(pid: number) {
    this.#prefix = `of ${pid}: `
  }

  /** The SQL of the statement of this name. */
  sqlOf(name: string): string | undefined {
    return this.#parses.get(this.#prefix + name)?.sql
  }

  /** `change` is asked about each text that is to be done. */
  rename(unit: readonly Message[], change: (sql: string) => string): Renamed {
    const prepares = new Set<string>()
    const needs = new Map<string, Buffer>()
    const parts = unit.map((one) => {
      const { type, body } = one
      if (type === 'Q') return query(change(texts(body, 1).found[0] ?? ''))
      if (type === 'P') return this.#parse(body, change, prepares)
      if (type === 'B') {
        const { found, end } = texts(body, 2)
        const [portal = '', statement = ''] = found
        const name = this.#ofEngine(statement)
        const parse = this.#parses.get(name)?.parse
        if (parse !== undefined && !prepares.has(name)) needs.set(name, parse)
        return message('B', `${portal}\0${name}\0`, body.subarray(end))
      }
      if ((type === 'D' || type === 'C') && body[0] === STATEMENT)
        return message(
          type,
          body.subarray(0, 1),
          `${this.#ofEngine(body.toString('utf8', 1, body.length - 1))}\0`,
        )
      return one.bytes
    })
    return { bytes: Buffer.concat(parts), prepares, needs }
  }

  /** An answer in the client's names: errors name statements. */
  restore(text: string): string {
    return text.replaceAll(this.#prefix, '')
  }

  /** Names of them all, as the engine has them. */
  all(): string[] {
    return [...this.#parses.keys()]
  }

  #parse(body: Buffer, change: (sql: string) => string, prepares: Set<string>): Buffer {
    const { found, end } = texts(body, 2)
    const [statement = '', sql = ''] = found
    const name = this.#ofEngine(statement)
    const parse = message('P', `${name}\0${change(sql)}\0`, body.subarray(end))
    if (statement === '') return parse
    this.#parses.set(name, { parse, sql })
    prepares.add(name)
    return parse
  }

  /** The unnamed one lives for no longer than it is used, and stays unnamed. */
  #ofEngine(name: string): string {
    return name === '' ? '' : this.#prefix + name
  }
}
