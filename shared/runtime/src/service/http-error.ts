import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { SERVER_HEADER } from './version.ts'

/** For the answer to be read before the socket is cut. */
const LINGER_MS = 1_000

export interface HttpError {
  readonly status: number
  /** Name of the XRPC error. */
  readonly error: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers on a socket that no longer has an HTTP response: an upgrade, or a request that could not be read. The body is
 * an XRPC error. Whatever the client does then, the socket ends: nothing else watches over it.
 */
export function endWithHttpError(socket: Duplex, { status, error, message, headers = {} }: HttpError): void {
  const body = JSON.stringify({ error, message })
  const lines = Object.entries({ ...httpErrorHeaders(body), ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  socket.on('error', () => socket.destroy())
  // What it still sends is taken and dropped: a reset would take the answer away from it.
  socket.resume()
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? error}`, ...lines, '', body].join('\r\n'))
  const cut = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(cut))
}

/** Headers of an answer after which the connection ends. */
export function httpErrorHeaders(body: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'access-control-allow-origin': '*',
    server: SERVER_HEADER,
    connection: 'close',
  }
}
