import { askForHost, findHost } from '@bgs/database/hosts/host-rows.ts'
import { rulesOf } from '@bgs/database/hosts/new-hosts.ts'
import { parseHost } from '@bgs/runtime/net/hostname.ts'
import { httpGet } from '@bgs/runtime/net/http-get.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import { z } from 'zod'
import { hostParam } from '../http/host-param.ts'
import { XrpcError } from '../http/xrpc-error.ts'
import type { AdminContext } from './context.ts'

const TIMEOUT_MS = 15_000
const MAX_BYTES = 1024 * 1024
/** Pages asked for at most: a list that never ends is no list. */
const MAX_PAGES = 200

const Page = z.object({
  cursor: z.string().nullish(),
  hosts: z.array(z.object({ hostname: z.string(), status: z.string().nullish() })),
})

export interface Imported {
  /** Hosts that the other relay lists. */
  readonly listed: number
  readonly added: number
  /** Known here already. */
  readonly known: number
  /** Banned there or here, or no host at all. */
  readonly refused: number
}

/**
 * Takes over another relay's listHosts (protocol.md section 7): each host that is new here is crawled from now on (Q10),
 * with the limits of any host. Throws an XrpcError where the relay does not answer as one does.
 */
export async function importHosts(from: string, context: AdminContext): Promise<Imported> {
  const { database, newHosts, allowPrivate, wakeUps } = context
  const origin = hostParam(from, allowPrivate, '"from"').http
  const seen = new Set<string>()
  const counts = { listed: 0, added: 0, known: 0, refused: 0 }
  let cursor: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const found = await pageOf(origin, cursor, allowPrivate)
    for (const { hostname: name, status } of found.hosts) {
      counts.listed++
      const hostname = usable(name, allowPrivate)
      if (hostname === undefined || status === 'banned' || seen.has(hostname)) counts.refused++
      else if ((await findHost(database, hostname)) !== undefined) counts.known++
      else {
        seen.add(hostname)
        const { banned, trusted } = await rulesOf(database, hostname, newHosts)
        if (banned) counts.refused++
        else {
          const { accountLimit } = newHosts
          const asked = { hostname, trusted, accountLimit, source: 'import', startLive: true } as const
          await askForHost(database, { ...asked, nowMs: context.now() })
          counts.added++
        }
      }
    }
    wakeUps.emit('hosts')
    if (found.cursor === undefined || found.cursor === null || found.cursor === cursor) break
    cursor = found.cursor
  }
  return counts
}

function usable(name: string, allowPrivate: boolean): string | undefined {
  try {
    return parseHost(name, allowPrivate).hostname
  } catch {
    return undefined
  }
}

async function pageOf(
  origin: string,
  cursor: string | undefined,
  allowPrivate: boolean,
): Promise<z.infer<typeof Page>> {
  const url = new URL('/xrpc/com.atproto.sync.listHosts', origin)
  url.searchParams.set('limit', '1000')
  if (cursor !== undefined) url.searchParams.set('cursor', cursor)
  try {
    const reply = await httpGet(url, {
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      userAgent: USER_AGENT,
      trust: allowPrivate ? 'private' : 'public',
    })
    if (!reply.ok) throw new Error(`HTTP ${reply.status}`)
    return Page.parse(JSON.parse(reply.body))
  } catch (error) {
    throw new XrpcError(502, 'UpstreamFailure', `${origin} does not list its hosts: ${errorText(error)}`)
  }
}
