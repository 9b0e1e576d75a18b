import type { IncomingMessage, ServerResponse } from 'node:http'
import { pageFiles } from './page-files.ts'

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
  const files = pageFiles()
  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0] as string
    const isBrowser = path === '/' && (request.headers.accept ?? '').includes('text/html')
    if (!isBrowser && path !== '/dashboard' && !path.startsWith(ROOT)) return false
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    if (!path.startsWith(ROOT)) {
      response.writeHead(303, { ...HEADERS, location: ROOT, 'content-length': 0 }).end()
      return true
    }
    const file = files.get(path.slice(ROOT.length))
    if (file === undefined) return false
    const { type, body, etag } = file
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, { ...HEADERS, etag }).end()
      return true
    }
    response.writeHead(200, { ...HEADERS, etag, 'content-type': type, 'content-length': body.length })
    response.end(request.method === 'HEAD' ? undefined : body)
    return true
  }
}
