import { connect as connectTcp, type Socket } from 'node:net'
import { errorText } from '../service/error-text.ts'

/** After so long without an answer the next address is tried, too, while the earlier ones go on (RFC 8305, section 5). */
const NEXT_AFTER_MS = 250
/** Addresses of one name that are tried at most. */
const MAX_ADDRESSES = 8
/** An attempt that nobody ends by a deadline of their own ends after this. */
const CONNECT_MS = 30_000

/**
 * A TCP connection to whichever of these addresses answers first. Throws the one error, or an AggregateError with the code
 * of the first and the texts of all as its message; whatever `signal` was aborted with where it was.
 */
export function connectFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal | undefined,
  dial: (address: string, port: number) => Socket = dialTcp,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const left = addresses.slice(0, MAX_ADDRESSES)
  const attempts = new Set<Socket>()
  const errors: NodeJS.ErrnoException[] = []
  let isOver = false
  let next: NodeJS.Timeout | undefined
  const over = (winner?: Socket) => {
    isOver = true
    clearTimeout(next)
    clearTimeout(deadline)
    signal?.removeEventListener('abort', abort)
    for (const socket of attempts) if (socket !== winner) socket.destroy()
  }
  const fail = (error: unknown) => {
    if (isOver) return
    over()
    reject(error)
  }
  const abort = () => fail(signal?.reason)
  const deadline = setTimeout(() => fail(timedOut()), CONNECT_MS)
  const tryNext = () => {
    clearTimeout(next)
    const host = left.shift()
    if (isOver || host === undefined) return
    const socket = dial(host, port)
    attempts.add(socket)
    const lost = (error: NodeJS.ErrnoException) => {
      attempts.delete(socket)
      errors.push(error)
      if (left.length > 0) tryNext()
      else if (attempts.size === 0) fail(together(errors))
    }
    socket.once('error', lost)
    socket.once('connect', () => {
      if (isOver) return
      socket.off('error', lost)
      over(socket)
      resolve(socket)
    })
    if (left.length > 0) next = setTimeout(tryNext, NEXT_AFTER_MS)
  }
  if (signal?.aborted) abort()
  else {
    signal?.addEventListener('abort', abort)
    tryNext()
  }
  return promise
}

function dialTcp(host: string, port: number): Socket {
  return connectTcp({ host, port, noDelay: true })
}

function together(errors: readonly NodeJS.ErrnoException[]): Error {
  const [first] = errors
  if (first !== undefined && errors.length === 1) return first
  const group = new AggregateError(errors)
  return Object.assign(group, { message: errorText(group), code: first?.code })
}

function timedOut(): Error {
  return Object.assign(new Error(`no connection within ${CONNECT_MS} ms`), { code: 'ETIMEDOUT' })
}
