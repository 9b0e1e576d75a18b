import type { IncomingMessage } from 'node:http'
import { invalid, XrpcError } from './xrpc-error.ts'

/** Bodies of procedures are small. */
const MAX_BYTES = 16 * 1024

/** The body as JSON. Throws an XrpcError where it is too large or is none. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES)
      throw new XrpcError(413, 'PayloadTooLarge', `a body may have ${MAX_BYTES} bytes`, {
        connection: 'close',
      })
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw invalid('the body is not JSON')
  }
}
