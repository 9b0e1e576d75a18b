import { type Deed, Journal } from './journal.ts'
import { type EngineTemplate, PostgresEngine } from './postgres-engine.ts'
import { Turns } from './turns.ts'
import { message, messagesOf, query, type Trouble } from './wire.ts'

/** Those that a client has set; a transaction's own are not read while it lasts. */
const SETTINGS = "SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name"
const NO_SETTINGS = '[]'

/** One database, whose one engine serves many connections: one transaction after the other. */
export class ServedDatabase<Who> {
  readonly name: string
  readonly turns = new Turns<Who>()
  readonly #template: EngineTemplate
  #engine: PostgresEngine
  #journal: Journal | undefined
  /** Those of whoever had the last turn. */
  #settings = NO_SETTINGS
  /** Names of the prepared statements that the engine has. */
  readonly #known = new Set<string>()

  private constructor(name: string, template: EngineTemplate, engine: PostgresEngine, isKept: boolean) {
    this.name = name
    this.#template = template
    this.#engine = engine
    this.#journal = isKept ? new Journal() : undefined
  }

  /** An empty one. Where `isKept`, it can be brought back to any moment. */
  static async create<Who>(
    name: string,
    template: EngineTemplate,
    isKept: boolean,
  ): Promise<ServedDatabase<Who>> {
    return new ServedDatabase<Who>(name, template, await PostgresEngine.create(template), isKept)
  }

  /** Does what a client sent. */
  exec({ bytes, prepares, needs, settings, wallMs }: Deed): Uint8Array {
    if (settings !== this.#settings) {
      this.#engine.exec(query(settingAll(settings)), wallMs)
      this.#settings = settings
    }
    // An engine that was made anew knows no statements.
    const unknown = [...needs].filter(([name]) => !this.#known.has(name))
    for (const name of prepares) this.#known.add(name)
    for (const [name] of unknown) this.#known.add(name)
    return this.#engine.exec(Buffer.concat([...unknown.map(([, parse]) => parse), bytes]), wallMs)
  }

  /** Forgets the statements of a connection that is gone. */
  forget(names: readonly string[]): void {
    const known = names.filter((name) => this.#known.delete(name))
    if (known.length === 0) return
    this.#engine.exec(Buffer.concat([...known.map((name) => message('C', `S${name}\0`)), message('S')]))
  }

  /** A statement of the model's own. */
  run(sql: string): Uint8Array {
    return this.#engine.exec(query(sql))
  }

  /** Fails a statement as the engine itself would, in a transaction or not. */
  fail({ code, text }: Trouble): Uint8Array {
    return this.run(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = '${text}'; END $$`)
  }

  /** Of the session that has its turn; to be asked outside of transactions. */
  readSettings(): string {
    const rows = [...messagesOf(this.run(SETTINGS))].filter(({ type }) => type === 'D')
    this.#settings = JSON.stringify(rows.map(({ body }) => rowOf(body)))
    return this.#settings
  }

  committed(deeds: readonly Deed[]): void {
    this.#journal?.add(performance.now(), deeds)
  }

  /** Goes back to what had been committed at a moment (`performance.now`). Returns how many transactions are lost. */
  async goBackTo(atMs: number): Promise<number> {
    if (this.#journal === undefined) throw new Error('it keeps no journal: make it with keepsJournal')
    const { deeds, lost } = this.#journal.cut(atMs)
    this.#engine = await PostgresEngine.create(this.#template)
    this.#settings = NO_SETTINGS
    this.#known.clear()
    for (const deed of deeds) this.exec(deed)
    // The connections that had them are gone.
    this.run('DEALLOCATE ALL')
    this.#known.clear()
    return lost
  }
}

/** Makes settings, and no others, those of the session. */
function settingAll(settings: string): string {
  const all = JSON.parse(settings) as [string, string][]
  const sets = all.map(([name, value]) => `set_config(${quoted(name)}, ${quoted(value)}, false)`)
  return sets.length === 0 ? 'RESET ALL' : `RESET ALL; SELECT ${sets.join(', ')}`
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

/** The texts of a DataRow without nulls. */
function rowOf(body: Buffer): string[] {
  const row: string[] = []
  for (let at = 2; at < body.length; ) {
    const end = at + 4 + body.readInt32BE(at)
    row.push(body.toString('utf8', at + 4, end))
    at = end
  }
  return row
}
