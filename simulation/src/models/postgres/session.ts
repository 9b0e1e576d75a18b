import type { Deed } from './journal.ts'
import type { PostgresMood } from './postgres-mood.ts'
import { PreparedNames } from './prepared-names.ts'
import { type Step, stepOf, writes } from './unit.ts'
import {
  errorResponse,
  type Message,
  message,
  messagesOf,
  readyForQuery,
  type Status,
  type Trouble,
} from './wire.ts'

const NOT_SERIALIZABLE = { code: '40001', text: 'could not serialize access due to concurrent update' }
const SETTING_TAG = /^(SET|RESET|DISCARD)\b/

/** What a session asks of its database. */
interface SessionDatabase {
  exec(deed: Deed): Uint8Array
  run(sql: string): Uint8Array
  fail(trouble: Trouble): Uint8Array
  forget(names: readonly string[]): void
  readSettings(): string
  committed(deeds: readonly Deed[]): void
}

export interface SessionParts {
  readonly pid: number
  readonly database: SessionDatabase
  /** With which it begins. */
  readonly settings: string
  readonly mood: PostgresMood
  readonly chance: () => number
}

/** What belongs to one connection while the engine belongs to all: its statements, its settings, its transaction. */
export class Session {
  readonly #parts: SessionParts
  readonly names: PreparedNames
  #settings: string
  #status: Status = 'I'
  #deeds: Deed[] = []
  #hasWritten = false
  #hasSet = false
  /** Its transaction is to fail. */
  #isDoomed = false

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.names = new PreparedNames(parts.pid)
  }

  get status(): Status {
    return this.#status
  }

  /**
   * Does what a client sent, in its turn; `change` makes of each text what the engine is to do. Returns the answer; none
   * where the connection is cut instead.
   */
  do(unit: readonly Message[], sql: string, change: (sql: string) => string): Buffer | undefined {
    const { mood } = this.#parts
    const step = stepOf(sql)
    const isAlone = this.#status === 'I' && step === 'other' && writes(sql)
    if (this.#isToFail(step, isAlone)) return this.fail(NOT_SERIALIZABLE, step)
    const isCut = (isAlone || step === 'commit') && this.#happens(mood.unknownOutcomeShare)
    if (isCut && this.#happens(0.5)) return undefined
    const answer = this.#exec(unit, writes(sql), change)
    return isCut ? undefined : answer
  }

  /** Fails a statement instead of doing it. */
  fail(trouble: Trouble, step: Step = 'other'): Buffer {
    // Who is in no transaction may not have its turn.
    if (this.#status === 'I') return Buffer.concat([errorResponse(trouble), readyForQuery('I')])
    this.#isDoomed = false
    const answer = this.#parts.database.fail(trouble)
    if (step !== 'commit') return this.#read(answer)
    this.undo()
    return Buffer.concat([errorResponse(trouble), readyForQuery('I')])
  }

  /** Undoes its transaction. */
  undo(): void {
    if (this.#status !== 'I') this.#read(this.#parts.database.run('ROLLBACK'))
  }

  /** It ends. */
  close(): void {
    this.undo()
    this.#parts.database.forget(this.names.all())
  }

  #happens(share: number): boolean {
    return share > 0 && this.#parts.chance() < share
  }

  #isToFail(step: Step, isAlone: boolean): boolean {
    const share = this.#parts.mood.serializationFailureShare
    if (isAlone) return this.#happens(share)
    if (step === 'begin' || step === 'rollback') this.#isDoomed = step === 'begin' && this.#happens(share)
    else if (this.#isDoomed && this.#status === 'T') return step === 'commit' || this.#happens(0.5)
    return false
  }

  #exec(unit: readonly Message[], hasWritten: boolean, change: (sql: string) => string): Buffer {
    const deed = { ...this.names.rename(unit, change), settings: this.#settings, wallMs: Date.now() }
    this.#deeds.push(deed)
    this.#hasWritten ||= hasWritten
    return this.#read(this.#parts.database.exec(deed))
  }

  /** Takes note of what an answer says of the session, and puts it into the client's words. */
  #read(answer: Uint8Array): Buffer {
    const { database } = this.#parts
    const parts: Buffer[] = []
    let isUndone = false
    for (const { type, body, bytes } of messagesOf(answer)) {
      const tag = type === 'C' ? body.toString('utf8', 0, body.length - 1) : ''
      if (SETTING_TAG.test(tag)) this.#hasSet = true
      if (tag === 'ROLLBACK' || type === 'E') isUndone = true
      if (type === 'Z') this.#status = body.toString() as Status
      parts.push(type === 'E' ? message('E', this.names.restore(body.toString())) : bytes)
    }
    if (this.#status === 'I') {
      if (this.#hasWritten && !isUndone) database.committed(this.#deeds)
      if (this.#hasSet) this.#settings = database.readSettings()
      this.#deeds = []
      this.#hasWritten = false
      this.#hasSet = false
    }
    return Buffer.concat(parts)
  }
}
