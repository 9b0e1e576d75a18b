/** Redis's protocol, versions 2 and 3: https://redis.io/docs/latest/develop/reference/protocol-spec/. Texts are of bytes, as latin1. */
export type Reply =
  | string
  | number
  | null
  | readonly Reply[]
  | { readonly status: string }
  | { readonly error: string }
  | { readonly pairs: readonly (readonly [string, Reply])[] }
  /** What a client has not asked for. */
  | { readonly push: readonly Reply[] }

export const OK: Reply = { status: 'OK' }

export function encodeReply(reply: Reply, version: 2 | 3): string {
  if (reply === null) return version === 3 ? '_\r\n' : '$-1\r\n'
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`
  if (isList(reply)) return listOf('*', reply, version)
  if ('status' in reply) return `+${reply.status}\r\n`
  if ('error' in reply) return `-${reply.error}\r\n`
  if ('push' in reply) return listOf(version === 3 ? '>' : '*', reply.push, version)
  const items = reply.pairs.flat()
  return version === 2 ? listOf('*', items, 2) : `%${reply.pairs.length}\r\n${textOf(items, 3)}`
}

/** `Array.isArray` says nothing of readonly ones. */
export const isList = (reply: Reply): reply is readonly Reply[] => Array.isArray(reply)

const textOf = (replies: readonly Reply[], version: 2 | 3) =>
  replies.map((one) => encodeReply(one, version)).join('')

const listOf = (letter: string, replies: readonly Reply[], version: 2 | 3) =>
  `${letter}${replies.length}\r\n${textOf(replies, version)}`

/** Cuts what a client sends into commands: arrays of texts. */
export class CommandReader {
  #rest = ''

  /** The whole commands of what was given so far. Throws where it is none. */
  read(given: Buffer): string[][] {
    this.#rest += given.toString('latin1')
    const commands: string[][] = []
    for (let command = this.#next(); command !== undefined; command = this.#next()) commands.push(command)
    return commands
  }

  #next(): string[] | undefined {
    let at = 0
    /** A number behind its letter, to the end of the line. */
    const number = (letter: string): number | undefined => {
      const end = this.#rest.indexOf('\r\n', at)
      if (end < 0) return undefined
      const found = Number(this.#rest.slice(at + 1, end))
      if (this.#rest[at] !== letter || !Number.isInteger(found))
        throw new SyntaxError(`expected '${letter}', got '${this.#rest[at] ?? ''}'`)
      at = end + 2
      return found
    }
    const count = number('*')
    if (count === undefined) return undefined
    const command: string[] = []
    while (command.length < count) {
      const length = number('$')
      if (length === undefined || this.#rest.length < at + length + 2) return undefined
      command.push(this.#rest.slice(at, at + length))
      at += length + 2
    }
    this.#rest = this.#rest.slice(at)
    return command
  }
}
