import { ConfigError } from '@bgs/runtime/service/config.ts'
import type { CliFlags } from './cli-flags.ts'

/** A command that asks the admin API for something. */
export interface OperatorCommand {
  /** Group, verb and, in capitals, what it is about. */
  readonly words: string
  readonly doc: string
  readonly flags: readonly string[]
  readonly method: 'GET' | 'POST'
  /** Of the admin API; `{}` is what the command is about. */
  readonly path: string
  /** The list in the answer that is shown as a table; undefined: all of it, line by line. */
  readonly list?: string
  readonly columns?: readonly string[]
}

const WHY = ['why'] as const
const HOST_COLUMNS = [
  'hostname',
  'status',
  'connected',
  'accounts',
  'accountLimit',
  'throttledAccounts',
  'lastSeq',
  'cursor',
  'refusedFrames',
  'lastError',
]

function onHost(verb: string, doc: string, flags: readonly string[] = []): OperatorCommand {
  return {
    words: `hosts ${verb} HOST`,
    doc,
    flags: [...WHY, ...flags],
    method: 'POST',
    path: `/hosts/{}/${verb}`,
  }
}

function onAccount(verb: string, doc: string): OperatorCommand {
  return { words: `accounts ${verb} DID`, doc, flags: WHY, method: 'POST', path: `/accounts/{}/${verb}` }
}

function onDomain(verb: string, doc: string): OperatorCommand {
  return { words: `domains ${verb} DOMAIN`, doc, flags: WHY, method: 'POST', path: `/domains/{}/${verb}` }
}

/** What an operator can do from the command line; each asks a running relay. */
export const OPERATOR_COMMANDS: readonly OperatorCommand[] = [
  {
    words: 'hosts list',
    doc: 'hosts; --order name, lag, silence, refusals or accounts',
    flags: ['order', 'status', 'q', 'limit'],
    method: 'GET',
    path: '/hosts',
    list: 'hosts',
    columns: HOST_COLUMNS,
  },
  {
    words: 'hosts show HOST',
    doc: 'all that is known of a host',
    flags: [],
    method: 'GET',
    path: '/hosts/{}',
  },
  {
    words: 'hosts add HOST',
    doc: 'crawls a host, or asks for it again; --cursor live: from now on; --upstream: it is a relay',
    flags: [...WHY, 'trusted', 'upstream', 'cursor'],
    method: 'POST',
    path: '/hosts',
  },
  {
    words: 'hosts import',
    doc: "takes over another relay's hosts, from now on: --from RELAY",
    flags: [...WHY, 'from'],
    method: 'POST',
    path: '/hosts/import',
  },
  onHost('crawl', 'connects now, whatever pause the host is in'),
  onHost('pause', 'disconnects a host until it is resumed'),
  onHost('resume', 'reads a paused host again'),
  onHost('disconnect', 'ends the connection; it is taken up again'),
  onHost('reset-cursor', 'reads a host from another place: --cursor SEQ, 0 or live', ['cursor']),
  onHost(
    'limits',
    'sets limits and trust; what is left out stays; an event limit of auto follows from trust',
    ['accounts', 'events-per-second', 'events-per-hour', 'events-per-day', 'trusted', 'lenient'],
  ),
  onHost('ban', 'disconnects a host at once and refuses what it sends'),
  onHost('unban', 'ends a ban'),
  {
    words: 'domains list',
    doc: 'domains that are banned or trusted',
    flags: [],
    method: 'GET',
    path: '/domains',
    list: 'domains',
    columns: ['domain', 'rule', 'sinceMs'],
  },
  onDomain('ban', 'bans all hosts under a domain'),
  onDomain('unban', 'ends that'),
  onDomain('trust', 'trusts hosts under a domain when they are first met'),
  onDomain('untrust', 'ends that'),
  {
    words: 'accounts list',
    doc: 'accounts that this relay holds back itself; --local takendown, suspended, throttled, throttled:conduct',
    flags: ['local', 'limit'],
    method: 'GET',
    path: '/accounts',
    list: 'accounts',
    columns: ['did', 'host', 'local', 'upstream'],
  },
  {
    words: 'accounts show DID',
    doc: 'all that is known of an account',
    flags: [],
    method: 'GET',
    path: '/accounts/{}',
  },
  onAccount('takedown', 'takes an account down'),
  onAccount('suspend', 'suspends an account'),
  onAccount('restore', 'reverses a takedown, suspension or throttle'),
  onAccount('recheck', "asks the account's host for its status now"),
  {
    words: 'consumers list',
    doc: 'subscribers of all nodes',
    flags: [],
    method: 'GET',
    path: '/consumers',
    list: 'consumers',
    columns: ['id', 'address', 'next', 'eventsPerSecond', 'events', 'bytes', 'queuedBytes', 'userAgent'],
  },
  {
    words: 'consumers disconnect ID',
    doc: 'sends a subscriber away',
    flags: WHY,
    method: 'POST',
    path: '/consumers/{}/disconnect',
  },
  {
    words: 'audit list',
    doc: 'what operators did, newest first',
    flags: ['limit'],
    method: 'GET',
    path: '/audit',
    list: 'entries',
    columns: ['atMs', 'who', 'act', 'subject', 'why'],
  },
  {
    words: 'refused download',
    doc: 'refused frames as cases for the conformance command: --out FILE',
    flags: ['out', 'reason', 'limit'],
    method: 'GET',
    path: '/refused-frames',
  },
  {
    words: 'lag',
    doc: 'where log, view, processes and partitions stand',
    flags: [],
    method: 'GET',
    path: '/overview',
  },
]

/** The command that these words name, and what it is about. Throws ConfigError where there is none. */
export function findCommand(
  words: readonly string[],
): { readonly command: OperatorCommand; readonly subject: string } | undefined {
  const [group = ''] = words
  const ofGroup = OPERATOR_COMMANDS.filter((command) => command.words.split(' ')[0] === group)
  if (ofGroup.length === 0) return undefined
  for (const command of ofGroup) {
    const [first, verb, about] = command.words.split(' ')
    if (first !== group || verb !== words[1]) continue
    const wanted = about === undefined ? 2 : 3
    if (words.length !== wanted && !(verb === undefined && words.length === 1))
      throw new ConfigError([
        about === undefined ? `${command.words} takes no argument` : `give it: ${command.words}`,
      ])
    return { command, subject: words[2] ?? '' }
  }
  throw new ConfigError([`one of: ${ofGroup.map((command) => command.words).join(', ')}`])
}

const number = (flags: CliFlags, name: string): number | undefined => {
  const text = flags[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new ConfigError([`--${name}: ${String(text)} is not a number`])
  return value
}
const flag = (flags: CliFlags, name: string): boolean | undefined => {
  const text = flags[name]
  if (text === undefined) return undefined
  if (text !== 'true' && text !== 'false') throw new ConfigError([`--${name} is true or false`])
  return text === 'true'
}

/** The body of an act, as the admin API takes it. Throws ConfigError. */
export function bodyOf(command: OperatorCommand, subject: string, flags: CliFlags): object | undefined {
  if (command.method === 'GET') return undefined
  const { why } = flags
  if (why === undefined) throw new ConfigError(['say why, for the audit log: --why "…"'])
  const events = (name: string) => (flags[name] === 'auto' ? null : number(flags, name))
  const cursor = flags['cursor']
  const all = {
    why,
    hostname: command.words === 'hosts add HOST' ? subject : undefined,
    from: flags['from'],
    cursor: command.words === 'hosts add HOST' || cursor === 'live' ? cursor : number(flags, 'cursor'),
    trusted: flag(flags, 'trusted'),
    lenient: flag(flags, 'lenient'),
    upstream: flags['upstream'],
    accounts: number(flags, 'accounts'),
    eventsPerSecond: events('events-per-second'),
    eventsPerHour: events('events-per-hour'),
    eventsPerDay: events('events-per-day'),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
