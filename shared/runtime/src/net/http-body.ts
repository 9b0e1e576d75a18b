import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/** What is asked for: what the readers below can read. */
export const ACCEPT_ENCODING = 'gzip, deflate, br'

/** A body that cannot be read: `code` is `encoding`, or `too-large` where it would be longer than allowed. */
class HttpBodyError extends Error {
  override name = 'HttpBodyError'
  readonly code: 'encoding' | 'too-large'
  constructor(message: string, code: 'encoding' | 'too-large', cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/**
 * The text of a body: inflated, at most `maxBytes` of it, without a byte order mark (which JSON must not begin with, and
 * yet does, RFC 8259, section 8.1). Throws HttpBodyError.
 */
export function readBody(bytes: Buffer, encoding: string | undefined, maxBytes: number): string {
  const text = inflate(bytes, encoding, maxBytes).toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function inflate(bytes: Buffer, encoding: string | undefined, maxBytes: number): Buffer {
  const options = { maxOutputLength: maxBytes }
  const name = (encoding ?? '').trim().toLowerCase()
  try {
    // An answer without a body has none that is compressed.
    if (name === '' || name === 'identity' || bytes.length === 0) return bytes
    if (name === 'gzip' || name === 'x-gzip') return gunzipSync(bytes, options)
    if (name === 'deflate') return inflateSync(bytes, options)
    if (name === 'br') return brotliDecompressSync(bytes, options)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new HttpBodyError(`more than ${maxBytes} bytes`, 'too-large', error)
    throw new HttpBodyError(`a body that is not ${name}`, 'encoding', error)
  }
  throw new HttpBodyError(`content-encoding ${name.slice(0, 40)}`, 'encoding')
}
