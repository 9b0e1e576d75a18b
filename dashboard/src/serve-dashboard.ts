import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PageFile } from './page-files.ts'
import { readPageFiles } from './read-page-files.ts'

/** Answers a request for the dashboard, and says whether it is one. */
export type ServeDashboard = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * Nothing comes from elsewhere, nothing is inline, nothing is sent elsewhere, and no other page may frame this one: what
 * a host or a subscriber had written into it by some mistake could load, run and tell nothing.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
}
const ROOT = '/dashboard/'

/**
 * The dashboard's files, for the operator listener. They hold no data and need no password: what they show they ask the
 * admin API for. A browser that asks for the listener's own page is sent there.
 */
export function createDashboard(): ServeDashboard {
  // Read when they are first asked for: few relays' dashboards are open, and what takes the types off is large.
  let reading: Promise<ReadonlyMap<string, PageFile>> | undefined
  const files = () => {
    reading ??= readPageFiles().catch((error: unknown) => {
      reading = undefined
      throw error
    })
    return reading
  }
  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0] as string
    const isBrowser = path === '/' && (request.headers.accept ?? '').includes('text/html')
    if (!isBrowser && path !== '/dashboard' && !path.startsWith(ROOT)) return false
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    if (!path.startsWith(ROOT)) {
      response.writeHead(303, { ...HEADERS, location: ROOT, 'content-length': 0 }).end()
      return true
    }
    files().then(
      (all) => answer(request, response, all.get(path.slice(ROOT.length))),
      () => response.writeHead(500, HEADERS).end('the files of the dashboard could not be read\n'),
    )
    return true
  }
}

function answer(request: IncomingMessage, response: ServerResponse, file: PageFile | undefined): void {
  if (file === undefined) {
    response.writeHead(404, { ...HEADERS, 'content-type': 'text/plain' }).end('no such file\n')
    return
  }
  const { type, body, etag } = file
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, { ...HEADERS, etag }).end()
    return
  }
  response.writeHead(200, { ...HEADERS, etag, 'content-type': type, 'content-length': body.length })
  response.end(request.method === 'HEAD' ? undefined : body)
}
