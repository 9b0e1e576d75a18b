import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { checkTarget, lookupFor } from './guard.ts'

/** A GET that did not come to a usable end; `code` is the system's or `timeout`, `too-large`, `forbidden-address`. */
export class HttpGetError extends Error {
  override name = 'HttpGetError'
  readonly code: string
  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export interface HttpReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface HttpGetOptions {
  /** Deadline for the whole exchange. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly userAgent: string
  /** `operator`: the operator named this URL, so no guard; else the guard of H7, with private mode or without. */
  readonly trust: 'operator' | 'private' | 'public'
}

/**
 * The only way out over HTTP (protocol.md H7): GET, no redirects, no proxy, a deadline, a cap on the body. Throws
 * HttpGetError for everything that is not an answer.
 */
export function httpGet(url: URL, options: HttpGetOptions): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown, code: string) => {
      clearTimeout(deadline)
      outgoing?.destroy()
      reject(new HttpGetError(`GET ${url.origin}: ${(error as Error).message}`, code, error))
    }
    const deadline = setTimeout(
      () => fail(new Error(`no answer within ${options.timeoutMs} ms`), 'timeout'),
      options.timeoutMs,
    )
    let outgoing: ReturnType<typeof httpRequest> | undefined
    try {
      const allowPrivate = options.trust === 'private'
      if (options.trust !== 'operator') checkTarget(url, allowPrivate)
      const lookup = options.trust === 'operator' ? undefined : lookupFor(allowPrivate)
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest
      outgoing = send(url, {
        headers: { 'user-agent': options.userAgent, accept: 'application/json' },
        ...(lookup === undefined ? {} : { lookup: lookup as never }),
      })
    } catch (error) {
      return fail(error, (error as NodeJS.ErrnoException).code ?? 'invalid')
    }
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error, error.code ?? 'network'))
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > options.maxBytes)
          return fail(new Error(`more than ${options.maxBytes} bytes`), 'too-large')
        chunks.push(chunk)
      })
      response.on('error', (error: NodeJS.ErrnoException) => fail(error, error.code ?? 'network'))
      response.on('end', () => {
        clearTimeout(deadline)
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        })
      })
    })
    outgoing.end()
  })
}
