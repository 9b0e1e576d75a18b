import type { Socket } from 'node:net'
import { type Active, applicationNameIn, endedBy, withActivity } from './activity.ts'
import type { PostgresMood } from './postgres-mood.ts'
import type { ServedDatabase } from './served-database.ts'
import { Session } from './session.ts'
import { readStart, type SessionStart, welcome } from './session-start.ts'
import { endsUnit, sleepMsOf, sqlOf, withoutSleep } from './unit.ts'
import { errorResponse, type Message, MessageReader, readyForQuery, type Trouble } from './wire.ts'

const TOO_MANY = { code: '53300', text: 'sorry, too many clients already' }
const STATEMENT_TIMEOUT = { code: '57014', text: 'canceling statement due to statement timeout' }
const IDLE_TIMEOUT = { code: '25P03', text: 'terminating connection due to idle-in-transaction timeout' }

/** What a connection needs of its server. */
export interface Host {
  readonly mood: PostgresMood
  readonly chance: () => number
  readonly connections: Iterable<PostgresConnection>
  database(name: string): ServedDatabase<PostgresConnection> | undefined
  /** Calls it now, or when the server is no longer paused. */
  whenAwake(code: () => void): void
  closed(connection: PostgresConnection): void
}

interface Begun {
  readonly start: SessionStart
  readonly database: ServedDatabase<PostgresConnection>
  readonly session: Session
}

type Unit = readonly Message[] | 'goodbye'

/** A client's connection: what it sends is done in order, whether the client is still there or not. */
export class PostgresConnection {
  readonly #pid: number
  readonly #socket: Socket
  readonly #host: Host
  readonly #reader = new MessageReader()
  #applicationName = ''
  #begun: Begun | undefined
  #unit: Message[] = []
  readonly #units: Unit[] = []
  #isWorking = false
  #isEnded = false
  #idle: NodeJS.Timeout | undefined
  /** Ends the wait for its turn. */
  #stopWaiting: (() => void) | undefined

  constructor(socket: Socket, pid: number, host: Host) {
    this.#pid = pid
    this.#socket = socket
    this.#host = host
    const goodbye = () => host.whenAwake(() => this.#take('goodbye'))
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => host.whenAwake(() => this.#read(bytes)))
    socket.on('end', goodbye)
    socket.on('close', goodbye)
  }

  get active(): Active {
    const database = this.#begun?.database.name ?? ''
    return { pid: this.#pid, database, applicationName: this.#applicationName }
  }

  /** Ends it, with a last word or none; its transaction is undone. */
  end(trouble?: Trouble): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearTimeout(this.#idle)
    this.#host.closed(this)
    this.#begun?.session.close()
    this.#begun?.database.turns.leave(this)
    this.#stopWaiting?.()
    if (trouble === undefined) this.#socket.destroy()
    else this.#socket.end(errorResponse(trouble, 'FATAL'))
  }

  #read(bytes: Buffer): void {
    let message = this.#reader.next(bytes)
    for (; message !== undefined && !this.#isEnded; message = this.#reader.next()) {
      if (this.#begun === undefined) this.#begin(message)
      else if (message.type === 'X') this.#take('goodbye')
      else {
        this.#unit.push(message)
        if (endsUnit(message)) this.#take(this.#unit.splice(0))
      }
    }
  }

  #begin(message: Message): void {
    const { mood, chance } = this.#host
    const start = readStart(message)
    if (start === 'no') return void this.#socket.write('N')
    if (start === undefined) return this.end()
    if (mood.refuses) return this.end(TOO_MANY)
    const database = this.#host.database(start.database)
    if (database === undefined)
      return this.end({ code: '3D000', text: `database "${start.database}" does not exist` })
    this.#reader.isStarted = true
    const { settings } = start
    this.#begun = {
      start,
      database,
      session: new Session({ pid: this.#pid, database, settings, mood, chance }),
    }
    this.#applicationName = start.applicationName
    this.#socket.write(Buffer.concat([welcome(this.#pid, this.#applicationName), readyForQuery('I')]))
  }

  #take(unit: Unit): void {
    this.#units.push(unit)
    if (!this.#isWorking) void this.#work()
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    for (let unit = this.#units.shift(); unit !== undefined; unit = this.#units.shift()) {
      if (unit === 'goodbye') this.end()
      if (unit === 'goodbye' || this.#begun === undefined || this.#isEnded) break
      await this.#do(unit, this.#begun)
    }
    this.#isWorking = false
  }

  async #do(unit: readonly Message[], begun: Begun): Promise<void> {
    const { database, session, start } = begun
    clearTimeout(this.#idle)
    const sql = sqlOf(unit, session.names)
    this.#applicationName = applicationNameIn(sql) ?? this.#applicationName
    const seen = [...this.#host.connections].map(({ active }) => active)
    const ended = new Set(endedBy(sql, this.active, seen).map(({ pid }) => pid))
    for (const one of this.#host.connections)
      if (ended.has(one.active.pid))
        one.end({ code: '57P01', text: 'terminating connection due to administrator command' })
    const isInTime = await this.#turn(database, start.statementTimeoutMs, sleepMsOf(sql))
    if (this.#isEnded) return
    const change = (text: string) => withActivity(withoutSleep(text), this.active, seen)
    const answer = isInTime ? session.do(unit, sql, change) : session.fail(STATEMENT_TIMEOUT)
    if (answer === undefined) return this.end()
    if (session.status === 'I') database.turns.leave(this)
    else if (start.idleInTransactionMs > 0)
      this.#idle = this.#after(start.idleInTransactionMs, () => this.end(IDLE_TIMEOUT))
    this.#socket.write(answer)
  }

  /** Resolves when it is its turn; to false where that takes longer than a statement may. */
  async #turn(
    database: ServedDatabase<PostgresConnection>,
    timeoutMs: number,
    sleepMs: number,
  ): Promise<boolean> {
    const turn = Promise.withResolvers<boolean>()
    const timers: NodeJS.Timeout[] = []
    this.#stopWaiting = () => turn.resolve(false)
    if (timeoutMs > 0) timers.push(this.#after(timeoutMs, () => turn.resolve(false)))
    const take = () => database.turns.take(this, () => turn.resolve(true))
    const takesMs = this.#host.mood.statementMs + sleepMs
    if (takesMs > 0) timers.push(this.#after(takesMs, take))
    else take()
    const isMine = await turn.promise
    for (const timer of timers) clearTimeout(timer)
    this.#stopWaiting = undefined
    return isMine
  }

  #after(ms: number, code: () => void): NodeJS.Timeout {
    return setTimeout(() => this.#host.whenAwake(() => !this.#isEnded && code()), ms)
  }
}
