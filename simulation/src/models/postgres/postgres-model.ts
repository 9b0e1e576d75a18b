import { createServer, type Server } from 'node:net'
import { openPort } from '../open-port.ts'
import { Pausable } from '../pausable.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { type EngineTemplate, engineTemplate } from './postgres-engine.ts'
import { type PostgresMood, wellMood } from './postgres-mood.ts'
import { ServedDatabase } from './served-database.ts'
import type { Trouble } from './wire.ts'

const SHUTDOWN = { code: '57P01', text: 'terminating connection due to administrator command' }

export interface PostgresModelOptions {
  /** In [0, 1). */
  readonly chance: () => number
  /** 0: any. */
  readonly port?: number
  /** Those that there are from the beginning. */
  readonly databases?: readonly string[]
  /** What is committed is noted, so that `failOver` may forget the last of it. */
  readonly keepsJournal?: boolean
}

/**
 * A PostgreSQL server over TCP: the engine is PostgreSQL itself (PGlite), one for each database; in front of it this speaks
 * for many connections. Each transaction has the engine to itself, and others wait in order: reads, too. What is committed
 * outlives `stop` and `kill`. Its clock is `Date.now` of the process that calls `start`; that is why its methods, but for
 * `start`, may be called by anybody.
 */
export class PostgresModel {
  readonly mood: PostgresMood = wellMood()
  readonly chance: () => number
  readonly #template: EngineTemplate
  readonly #keepsJournal: boolean
  readonly #databases = new Map<string, ServedDatabase<PostgresConnection>>()
  readonly #connections = new Set<PostgresConnection>()
  readonly #pausable = new Pausable()
  #port: number
  #server: Server | undefined
  #lastPid = 0

  private constructor(
    { chance, port = 0, keepsJournal = false }: PostgresModelOptions,
    template: EngineTemplate,
  ) {
    this.chance = chance
    this.#port = port
    this.#keepsJournal = keepsJournal
    this.#template = template
  }

  /**
   * Loads the engine, which takes seconds of real time where it is the first of this thread: in a simulation to be awaited
   * before time begins to run.
   */
  static async create(options: PostgresModelOptions): Promise<PostgresModel> {
    const model = new PostgresModel(options, await engineTemplate())
    for (const name of options.databases ?? ['relay']) await model.createDatabase(name)
    return model
  }

  /** An empty one. Takes 0.3 s of the processor, and no turn of the event loop. Resolves to its URL. */
  async createDatabase(name: string): Promise<string> {
    this.#databases.set(name, await ServedDatabase.create(name, this.#template, this.#keepsJournal))
    return this.url(name)
  }

  /** Of a database; the port is known once it was started, or was given. */
  url(database: string): string {
    return `postgres://relay@127.0.0.1:${this.#port}/${database}`
  }

  get connections(): readonly PostgresConnection[] {
    return [...this.#connections]
  }

  database(name: string): ServedDatabase<PostgresConnection> | undefined {
    return this.#databases.get(name)
  }

  /** Listens, as the process that calls it; always on the same port, to which it resolves. */
  async start(): Promise<number> {
    if (this.#server !== undefined) return this.#port
    const server = createServer((socket) => {
      this.#connections.add(new PostgresConnection(socket, ++this.#lastPid, this))
    })
    this.#server = server
    server.once('error', () => {
      this.#server = undefined
    })
    this.#port = await openPort(server, this.#port)
    return this.#port
  }

  /** Ends properly: whoever is connected is told so (57P01), and its transaction undone. */
  stop(): void {
    this.#down(SHUTDOWN)
  }

  /** As SIGKILL: connections break, and transactions are undone. What was committed stays. */
  kill(): void {
    this.#down()
  }

  /** Nothing answers from now on, while connections stay open and may be made: as SIGSTOP. */
  pause(): void {
    this.#pausable.pause()
  }

  /** Goes on with all that has come in since, whoever asked for it may be gone. */
  resume(): void {
    this.#pausable.resume()
  }

  /** Pauses for so long. */
  hang(ms: number): void {
    this.#pausable.hang(ms)
  }

  /** Breaks connections without a word. Returns how many. */
  cutConnections(isMeant: (connection: PostgresConnection) => boolean = () => true): number {
    const meant = this.connections.filter(isMeant)
    for (const connection of meant) connection.end()
    return meant.length
  }

  /**
   * Dies, and goes back to what was committed `lostMs` ago, as a standby does that takes over and was so far behind. It is
   * to be started then. Resolves, without a turn of the event loop, to how many transactions are lost.
   */
  async failOver(lostMs: number): Promise<number> {
    this.kill()
    const atMs = performance.now() - lostMs
    let lost = 0
    for (const database of this.#databases.values()) lost += await database.goBackTo(atMs)
    return lost
  }

  whenAwake(code: () => void): void {
    this.#pausable.whenAwake(code)
  }

  closed(connection: PostgresConnection): void {
    this.#connections.delete(connection)
  }

  #down(trouble?: Trouble): void {
    this.#server?.close()
    this.#server = undefined
    this.#pausable.end()
    for (const connection of this.connections) connection.end(trouble)
  }
}
