import type { XrpcMethod } from '../xrpc/method.ts'
import { accountPage, accountsPage } from './account-page.ts'
import { homePage } from './home-page.ts'
import { hostPage } from './host-page.ts'
import { hostsPage } from './hosts-page.ts'
import { FORMAT, SUBJECT } from './page.ts'

/** The public pages, by the name under which they are called. */
export const PAGES: Readonly<Record<string, XrpcMethod>> = {
  'page:home': homePage,
  'page:hosts': hostsPage,
  'page:host': hostPage,
  'page:accounts': accountsPage,
  'page:account': accountPage,
}

/** A page that was asked for: its name and what it is called with; or another address where it is. */
export type PageCall =
  | { readonly name: string; readonly params: URLSearchParams }
  | { readonly location: string }

/**
 * The page at a URL; undefined where there is none. JSON is given for `?format=json`, for a path that ends in `.json`, and
 * to who accepts JSON and not HTML.
 */
export function pageAt(url: URL, accept: string): PageCall | undefined {
  const params = new URLSearchParams(url.searchParams)
  let { pathname } = url
  const wantsJson = accept.includes('application/json') && !accept.includes('text/html')
  if (pathname.endsWith('.json')) pathname = pathname.slice(0, -'.json'.length)
  if (pathname !== url.pathname || wantsJson) params.set(FORMAT, 'json')
  if (pathname === '/') return { name: 'page:home', params }
  if (pathname === '/hosts' || pathname === '/hosts/') return { name: 'page:hosts', params }
  if (pathname === '/accounts' || pathname === '/accounts/') {
    const did = params.get('did')
    return did === null
      ? { name: 'page:accounts', params }
      : { location: `/accounts/${encodeURIComponent(did.trim())}` }
  }
  const [, kind, subject] = /^\/(hosts|accounts)\/([^/]+)$/.exec(pathname) ?? []
  if (subject === undefined) return undefined
  try {
    params.set(SUBJECT, decodeURIComponent(subject))
  } catch {
    return undefined
  }
  return { name: kind === 'hosts' ? 'page:host' : 'page:account', params }
}
