/** PostgreSQL's protocol, version 3.0: https://www.postgresql.org/docs/18/protocol-message-formats.html */

export interface Message {
  /** Its letter; '' where it is the first of a connection, which has none. */
  readonly type: string
  readonly body: Buffer
  /** All of it. */
  readonly bytes: Buffer
}

/** Cuts what a client sends into messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)
  /** Messages have letters, once the one that starts the session is read. */
  isStarted = false

  /** The next whole message of what was given so far. */
  next(given: Buffer = Buffer.alloc(0)): Message | undefined {
    if (given.length > 0) this.#rest = Buffer.concat([this.#rest, given])
    const letters = this.isStarted ? 1 : 0
    if (this.#rest.length < letters + 4) return undefined
    const end = letters + this.#rest.readInt32BE(letters)
    if (this.#rest.length < end) return undefined
    const bytes = this.#rest.subarray(0, end)
    this.#rest = this.#rest.subarray(end)
    return { type: bytes.toString('latin1', 0, letters), body: bytes.subarray(letters + 4), bytes }
  }
}

/** The messages of an answer. */
export function* messagesOf(answer: Uint8Array): Generator<Message> {
  const reader = new MessageReader()
  reader.isStarted = true
  let message = reader.next(Buffer.from(answer.buffer, answer.byteOffset, answer.length))
  for (; message !== undefined; message = reader.next()) yield message
}

export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const head = Buffer.alloc(type.length + 4)
  head.write(type)
  head.writeInt32BE(body.length + 4, type.length)
  return Buffer.concat([head, body])
}

/** A simple query: one or more statements. */
export const query = (sql: string): Buffer => message('Q', `${sql}\0`)

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** The zero-terminated texts of a message, from `at` on, `count` of them. */
export function texts(
  body: Buffer,
  count: number,
  at = 0,
): { readonly found: string[]; readonly end: number } {
  const found: string[] = []
  let end = at
  while (found.length < count) {
    const zero = body.indexOf(0, end)
    if (zero < 0) break
    found.push(body.toString('utf8', end, zero))
    end = zero + 1
  }
  return { found, end }
}

export type Status = 'I' | 'T' | 'E'

/** Of a session: idle, in a transaction, or in one that has failed. */
export const readyForQuery = (status: Status): Buffer => message('Z', status)

export interface Trouble {
  /** SQLSTATE. */
  readonly code: string
  readonly text: string
}

/** An error that fails a statement; a fatal one ends the connection. */
export function errorResponse({ code, text }: Trouble, severity: 'ERROR' | 'FATAL' = 'ERROR'): Buffer {
  return message('E', `S${severity}\0V${severity}\0C${code}\0M${text}\0\0`)
}

/** The parameters with which a client starts, in pairs behind the version. */
export function startupParameters(body: Buffer): Map<string, string> {
  const parameters = new Map<string, string>()
  for (let at = 4; at < body.length - 1; ) {
    const { found, end } = texts(body, 2, at)
    parameters.set(found[0] ?? '', found[1] ?? '')
    at = end
  }
  return parameters
}
