import type { ServerResponse } from 'node:http'
import type { Answer } from './answer.ts'

/** Sends an answer: text and bytes as they are, anything else as JSON. `common` are headers that it may replace. */
export function send(
  response: ServerResponse,
  { status, body, headers = {} }: Answer,
  common: Readonly<Record<string, string>>,
): void {
  const isBytes = body instanceof Uint8Array
  const content = body === undefined ? '' : isBytes || typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'object' && !isBytes ? { 'content-type': 'application/json' } : {}
  response.writeHead(status, {
    ...common,
    'x-content-type-options': 'nosniff',
    ...type,
    'content-length': Buffer.byteLength(content),
    ...headers,
  })
  response.end(response.req.method === 'HEAD' ? undefined : content)
}
