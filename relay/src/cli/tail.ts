import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { ConfigError } from '@bgs/runtime/service/config.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import WebSocket from 'ws'
import type { CliFlags } from './cli-flags.ts'
import { plainText } from './plain-text.ts'

/** Flags of `tail`. */
const TAIL_FLAGS: readonly string[] = ['cursor', 'type', 'did', 'collection', 'count', 'json']

interface Line {
  readonly seq: number
  readonly type: string
  readonly did: string
  readonly [more: string]: unknown
}

/**
 * Prints the stream of the relay at RELAY_PORT as lines, or as JSON; only what the flags ask for. Ends with the stream,
 * after --count events, or when `signal` is aborted. Resolves to the exit code.
 */
export async function tail(
  settings: Settings,
  flags: CliFlags,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const unknown = Object.keys(flags).find((name) => !TAIL_FLAGS.includes(name))
  if (unknown !== undefined) throw new ConfigError([`tail knows no --${unknown}`])
  const most = flags['count'] === undefined ? Number.POSITIVE_INFINITY : Number(flags['count'])
  if (Number.isNaN(most)) throw new ConfigError(['--count is not a number'])
  const host = settings.RELAY_HOST === '0.0.0.0' ? '127.0.0.1' : settings.RELAY_HOST
  const query = typeof flags['cursor'] === 'string' ? `?cursor=${encodeURIComponent(flags['cursor'])}` : ''
  const url = `ws://${host}:${settings.RELAY_PORT}/xrpc/com.atproto.sync.subscribeRepos${query}`
  const socket = new WebSocket(url, { perMessageDeflate: false })
  let printed = 0
  let fault = ''
  const ended = new Promise<number>((resolve) => {
    socket.on('error', (error) => {
      fault = errorText(error)
    })
    socket.on('close', (code, reason) => {
      const isAsked = signal.aborted || printed >= most
      if (!isAsked) process.stderr.write(`the stream ended: ${fault || `${code} ${reason.toString()}`}\n`)
      resolve(isAsked ? 0 : 1)
    })
  })
  socket.on('message', (frame: Buffer) => {
    if (printed >= most) return
    const line = lineOf(frame)
    if (line === undefined || !isWanted(line, flags)) return
    print(flags['json'] === true ? JSON.stringify(line) : textOf(line))
    if (++printed >= most) socket.close(1000)
  })
  const stop = () => socket.terminate()
  signal.addEventListener('abort', stop)
  return ended.finally(() => signal.removeEventListener('abort', stop))
}

function lineOf(frame: Buffer): Line | undefined {
  const scanned = scanFrame(frame)
  if (scanned.kind !== 'frame') return undefined
  switch (scanned.type) {
    case '#commit': {
      const { seq, type, did, rev, time } = scanned
      return { seq, type, did, rev, time, ops: scanned.ops.map(({ action, path }) => `${action} ${path}`) }
    }
    case '#sync':
      return { seq: scanned.seq, type: scanned.type, did: scanned.did, rev: scanned.rev, time: scanned.time }
    case '#identity':
      return { seq: scanned.seq, type: scanned.type, did: scanned.did, time: scanned.time }
    case '#account': {
      const { seq, type, did, time, active, status = null } = scanned
      return { seq, type, did, time, active, status }
    }
    case '#info':
      return { seq: -1, type: '#info', did: '', name: scanned.name, message: scanned.message }
    case 'error':
      return { seq: -1, type: 'error', did: '', name: scanned.error, message: scanned.message }
    default:
      return undefined
  }
}

function isWanted(line: Line, flags: CliFlags): boolean {
  const { type, did, collection } = flags
  if (typeof type === 'string' && line.type !== `#${type.replace(/^#/, '')}`) return false
  if (typeof did === 'string' && line.did !== did) return false
  if (typeof collection !== 'string') return true
  return ((line['ops'] as string[] | undefined) ?? []).some((op) =>
    op.split(' ')[1]?.startsWith(`${collection}/`),
  )
}

function textOf({ seq, type, did, time: _time, ops, ...rest }: Line): string {
  const more = Object.entries(rest).flatMap(([key, value]) =>
    value === null ? [] : [`${key}=${String(value)}`],
  )
  const text = [
    seq < 0 ? '-' : String(seq),
    type,
    did,
    ...more,
    ...((ops as string[] | undefined) ?? []),
  ].join('  ')
  return plainText(text)
}
