import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { errorText } from '../service/error-text.ts'
import { checkTarget, openAddresses } from './guard.ts'
import { newAgents, type OutgoingOptions } from './http-agents.ts'
import { ACCEPT_ENCODING, readBody } from './http-body.ts'
import type { NameLookup } from './name-lookup.ts'
import { strangersNames } from './strangers-names.ts'

/**
 * A GET that did not come to a usable end; `code` is the system's or `timeout`, `too-large`, `encoding`,
 * `forbidden-address`, of a name `ENOTFOUND` or `EAI_AGAIN`.
 */
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
  /** A status of 200 to 299. */
  readonly ok: boolean
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Decoded, without a byte order mark. */
  readonly body: string
}

export interface HttpGetOptions {
  /** Deadline for the whole exchange, from when the host's name is looked up. */
  readonly timeoutMs: number
  /** Of the body, as it comes and once it is inflated. */
  readonly maxBytes: number
  readonly userAgent: string
  /** `operator`: the operator named this URL, so no guard; else the guard of H7, with private mode or without. */
  readonly trust: 'operator' | 'private' | 'public'
  /** Looks names up where there is a guard; the process's own unless given. */
  readonly names?: Pick<NameLookup, 'addressesOf'>
}

const AGENTS = { operator: newAgents(), private: newAgents(), public: newAgents() }

/**
 * The only way out over HTTP (protocol.md H7): GET, no redirects, no proxy, a deadline, a cap on the body. Throws
 * HttpGetError for everything that is not an answer.
 */
export async function httpGet(url: URL, options: HttpGetOptions): Promise<HttpReply> {
  let addresses: readonly string[] | undefined
  try {
    addresses = await checkedAddresses(url, options)
  } catch (error) {
    throw failure(url, error, 'invalid')
  }
  return exchange(url, options, addresses)
}

/** The addresses that may be connected to; undefined for what the operator named. */
async function checkedAddresses(
  url: URL,
  { trust, names }: HttpGetOptions,
): Promise<readonly string[] | undefined> {
  if (trust === 'operator') return undefined
  const allowPrivate = trust === 'private'
  checkTarget(url, allowPrivate)
  const found = await (names ?? strangersNames(allowPrivate)).addressesOf(url.hostname)
  return openAddresses(url.hostname, found, allowPrivate)
}

function failure(url: URL, error: unknown, otherwise: string): HttpGetError {
  const { code = otherwise } = error as NodeJS.ErrnoException
  return new HttpGetError(`GET ${url.origin}: ${errorText(error)}`, code, error)
}

function exchange(
  url: URL,
  options: HttpGetOptions,
  addresses: readonly string[] | undefined,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const given = new AbortController()
    const fail = (error: unknown, code: string) => {
      clearTimeout(deadline)
      given.abort(error)
      outgoing?.destroy()
      reject(failure(url, error, code))
    }
    const deadline = setTimeout(
      () => fail(new Error(`no answer within ${options.timeoutMs} ms`), 'timeout'),
      options.timeoutMs,
    )
    let outgoing: ReturnType<typeof httpRequest> | undefined
    try {
      const agents = AGENTS[options.trust]
      const secure = url.protocol === 'https:'
      const send = secure ? httpsRequest : httpRequest
      const request: OutgoingOptions = {
        headers: {
          'user-agent': options.userAgent,
          accept: 'application/json',
          'accept-encoding': ACCEPT_ENCODING,
        },
        givenUp: given.signal,
        agent: secure ? agents.https : agents.http,
        ...(addresses === undefined ? {} : { addresses }),
      }
      outgoing = send(url, request)
    } catch (error) {
      return fail(error, 'invalid')
    }
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error, 'network'))
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > options.maxBytes)
          return fail(new Error(`more than ${options.maxBytes} bytes`), 'too-large')
        chunks.push(chunk)
      })
      response.on('error', (error: NodeJS.ErrnoException) => fail(error, 'network'))
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        const ok = status >= 200 && status < 300
        let body = ''
        try {
          body = readBody(Buffer.concat(chunks), headers['content-encoding'], options.maxBytes)
        } catch (error) {
          // Of any other answer the status is what counts.
          if (ok) return fail(error, 'encoding')
        }
        clearTimeout(deadline)
        resolve({ status, ok, headers, body })
      })
    })
    outgoing.end()
  })
}
