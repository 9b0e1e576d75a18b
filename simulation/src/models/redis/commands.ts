import { createHash } from 'node:crypto'
import type { Keyspace } from './keyspace.ts'
import { runScript } from './lua-script.ts'
import { OK, type Reply } from './resp.ts'

/** What a command may touch. */
export interface RedisContext {
  readonly keys: Keyspace
  /** The server's clock, milliseconds. */
  readonly now: () => number
  /** By their SHA-1. */
  readonly scripts: Map<string, string>
  /** Of the client. */
  readonly id: number
  readonly subscriptions: Set<string>
  /** Of the protocol, which HELLO sets. */
  version: 2 | 3
  /** Sends a reply ahead of the one that is returned. */
  send(reply: Reply): void
  /** Returns how many hear it. */
  publish(channel: string, text: string): number
}

/** A mistake of the client: its text is the answer. */
class CommandError extends Error {}

const SYNTAX = 'ERR syntax error'
const NO_INTEGER = 'ERR value is not an integer or out of range'
const VERSION = '7.0.15'

type Command = (args: readonly string[], context: RedisContext) => Reply

/** By name: how many arguments there have to be at least, and what it does. */
const COMMANDS = new Map<string, readonly [number, Command]>(
  Object.entries({
    ping: [0, ([text]) => text ?? { status: 'PONG' }],
    hello: [0, hello],
    select: [1, ([index]) => (index === '0' ? OK : { error: 'ERR DB index is out of range' })],
    client: [1, client],
    info: [
      0,
      () => `# Server\r\nredis_version:${VERSION}\r\nredis_mode:standalone\r\n# Persistence\r\nloading:0\r\n`,
    ],
    time: [
      0,
      (_, { now }) => {
        const ms = now()
        return [String(Math.floor(ms / 1_000)), String(Math.floor(ms % 1_000) * 1_000)]
      },
    ],
    get: [1, ([key = ''], { keys }) => keys.get(key) ?? null],
    mget: [1, (args, { keys }) => args.map((key) => keys.get(key) ?? null)],
    set: [2, set],
    del: [1, (args, { keys }) => args.filter((key) => keys.delete(key)).length],
    incr: [1, incr],
    expire: [2, ([key = '', seconds = ''], context) => expire(key, integer(seconds) * 1_000, context)],
    pexpire: [2, ([key = '', ms = ''], context) => expire(key, integer(ms), context)],
    pttl: [1, ([key = ''], context) => pttl(key, context)],
    ttl: [
      1,
      ([key = ''], context) => {
        const ms = pttl(key, context)
        return ms < 0 ? ms : Math.floor((ms + 500) / 1_000)
      },
    ],
    scan: [1, scan],
    flushall: [
      0,
      (_, { keys }) => {
        keys.clear()
        return OK
      },
    ],
    publish: [2, ([channel = '', text = ''], { publish }) => publish(channel, text)],
    subscribe: [1, subscribe],
    unsubscribe: [0, unsubscribe],
    eval: [2, ([script = '', ...args], context) => evaluate(script, args, context)],
    evalsha: [
      2,
      ([sha = '', ...args], context) => {
        const script = context.scripts.get(sha.toLowerCase())
        if (script === undefined) return { error: 'NOSCRIPT No matching script. Please use EVAL.' }
        return evaluate(script, args, context)
      },
    ],
    script: [1, script],
  }),
)

export function doCommand([name = '', ...args]: readonly string[], context: RedisContext): Reply {
  const [least, command] = COMMANDS.get(name.toLowerCase()) ?? []
  if (least === undefined || command === undefined) return { error: `ERR unknown command '${name}'` }
  if (args.length < least)
    return { error: `ERR wrong number of arguments for '${name.toLowerCase()}' command` }
  try {
    return command(args, context)
  } catch (error) {
    if (error instanceof CommandError) return { error: error.message }
    throw error
  }
}

function integer(text: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new CommandError(NO_INTEGER)
  return value
}

function hello([version = '2']: readonly string[], context: RedisContext): Reply {
  if (version !== '2' && version !== '3') return { error: 'NOPROTO unsupported protocol version' }
  context.version = version === '3' ? 3 : 2
  const map = {
    server: 'redis',
    version: VERSION,
    proto: context.version,
    id: context.id,
    mode: 'standalone',
  }
  return { pairs: [...Object.entries(map), ['role', 'master'], ['modules', []]] }
}

function client([what = '']: readonly string[], { id }: RedisContext): Reply {
  const name = what.toUpperCase()
  if (name === 'ID') return id
  if (name === 'SETNAME') return OK
  // 7.0 knows no SETINFO, and clients bear that.
  return { error: `ERR unknown subcommand '${what}'. Try CLIENT HELP.` }
}

function set([key = '', value = '', ...options]: readonly string[], { keys, now }: RedisContext): Reply {
  let expiresMs: number | undefined
  let isOnlyNew = false
  let isOnlyOld = false
  for (let i = 0; i < options.length; i++) {
    const option = options[i]?.toUpperCase()
    if (option === 'NX') isOnlyNew = true
    else if (option === 'XX') isOnlyOld = true
    else if (option === 'EX' || option === 'PX') {
      const length = integer(options[++i] ?? '') * (option === 'EX' ? 1_000 : 1)
      if (length <= 0) return { error: "ERR invalid expire time in 'set' command" }
      expiresMs = now() + length
    } else return { error: SYNTAX }
  }
  if (isOnlyNew && isOnlyOld) return { error: SYNTAX }
  const isThere = keys.get(key) !== undefined
  if (isThere ? isOnlyNew : isOnlyOld) return null
  keys.set(key, value, expiresMs)
  return OK
}

function incr([key = '']: readonly string[], { keys }: RedisContext): Reply {
  const value = integer(keys.get(key) ?? '0') + 1
  keys.set(key, String(value), keys.expiresMs(key))
  return value
}

function expire(key: string, ms: number, { keys, now }: RedisContext): Reply {
  const value = keys.get(key)
  if (value === undefined) return 0
  if (ms <= 0) keys.delete(key)
  else keys.set(key, value, now() + ms)
  return 1
}

/** -2: there is no such key; -1: it never expires. */
function pttl(key: string, { keys, now }: RedisContext): number {
  if (keys.get(key) === undefined) return -2
  const expiresMs = keys.expiresMs(key)
  return expiresMs === undefined ? -1 : Math.max(0, expiresMs - now())
}

function scan([cursor = '', ...options]: readonly string[], { keys }: RedisContext): Reply {
  let pattern = /^/
  let count = 10
  for (let i = 0; i < options.length; i += 2) {
    const value = options[i + 1]
    const option = options[i]?.toUpperCase()
    if (value === undefined || (option !== 'MATCH' && option !== 'COUNT')) return { error: SYNTAX }
    if (option === 'MATCH') pattern = globOf(value)
    else count = integer(value)
  }
  if (count < 1) return { error: SYNTAX }
  const page = keys.scan(integer(cursor), count)
  return [String(page.next), page.keys.filter((key) => pattern.test(key))]
}

/** `*` and `?`, and `\` before what is meant as it stands; classes are not known. */
function globOf(glob: string): RegExp {
  const source = glob.replaceAll(/\\(.)|[*?]|[[\]{}()^$.|+/]/gs, (found, escaped?: string) => {
    if (found === '*') return '.*'
    if (found === '?') return '.'
    return `\\${escaped ?? found}`
  })
  return new RegExp(`^${source}$`, 's')
}

function subscribe(channels: readonly string[], { subscriptions, send }: RedisContext): Reply {
  const replies = channels.map((channel): Reply => {
    subscriptions.add(channel)
    return { push: ['subscribe', channel, subscriptions.size] }
  })
  for (const reply of replies.slice(0, -1)) send(reply)
  return replies.at(-1) ?? null
}

function unsubscribe(channels: readonly string[], { subscriptions, send }: RedisContext): Reply {
  const meant = channels.length === 0 ? [...subscriptions] : channels
  const replies = meant.map((channel): Reply => {
    subscriptions.delete(channel)
    return { push: ['unsubscribe', channel, subscriptions.size] }
  })
  for (const reply of replies.slice(0, -1)) send(reply)
  return replies.at(-1) ?? { push: ['unsubscribe', null, 0] }
}

/** `args`: how many keys, the keys, the rest. */
function evaluate(script: string, [count = '', ...args]: readonly string[], context: RedisContext): Reply {
  const keys = integer(count)
  if (keys < 0 || keys > args.length)
    return { error: "ERR Number of keys can't be greater than number of args" }
  context.scripts.set(shaOf(script), script)
  // Time stands still in a script.
  const nowMs = context.now()
  const within: RedisContext = { ...context, now: () => nowMs }
  return runScript(script, args.slice(0, keys), args.slice(keys), (command) => doCommand(command, within))
}

function script([what = '', text = '']: readonly string[], { scripts }: RedisContext): Reply {
  if (what.toUpperCase() === 'FLUSH') scripts.clear()
  else if (what.toUpperCase() === 'LOAD') {
    scripts.set(shaOf(text), text)
    return shaOf(text)
  } else return { error: `ERR unknown subcommand '${what}'. Try SCRIPT HELP.` }
  return OK
}

const shaOf = (text: string) => createHash('sha1').update(text, 'latin1').digest('hex')
