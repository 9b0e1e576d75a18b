import { promises as dns, type RecordWithTtl } from 'node:dns'
import { statSync } from 'node:fs'
import { monotonicMs } from '../service/monotonic.ts'

/** First pause before a name server is asked again, doubled then; and how often each is asked. */
const RETRY_MS = 2_000
const TRIES = 2
/** After one family's addresses came the other's are waited for so long (RFC 8305, section 3, somewhat more patient). */
const OTHER_FAMILY_MS = 250
const RESOLV_CONF = '/etc/resolv.conf'
/** Whether the machine has other name servers now is looked at so often. */
const LOOK_EVERY_MS = 10_000
/** Codes by which name servers say that there is nothing. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])

/** Those who are asked now. */
export type NameServers = () => Pick<dns.Resolver, 'resolve4' | 'resolve6' | 'cancel'>

export type NameAnswer =
  | { readonly kind: 'found'; readonly addresses: string[]; readonly ttlMs: number }
  /** There is no such name, or it has no address. */
  | { readonly kind: 'none'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string }

/** The machine's name servers, as resolv.conf names them at the time. */
export function machineNameServers(now: () => number = monotonicMs): NameServers {
  let resolver = newResolver()
  let lookedMs = now()
  let changedMs = resolvConfChangedMs()
  return () => {
    if (now() - lookedMs < LOOK_EVERY_MS) return resolver
    lookedMs = now()
    const atMs = resolvConfChangedMs()
    if (atMs !== changedMs) resolver = newResolver()
    changedMs = atMs
    return resolver
  }
}

/** Name servers at these addresses (`127.0.0.1:5353`). */
export function nameServersAt(addresses: readonly string[]): NameServers {
  const resolver = newResolver()
  resolver.setServers(addresses)
  return () => resolver
}

function newResolver(): dns.Resolver {
  return new dns.Resolver({ timeout: RETRY_MS, tries: TRIES })
}

function resolvConfChangedMs(): number {
  return statSync(RESOLV_CONF, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** Asks for both families at once. Never throws; ends by itself, after some tries. */
export async function askNameServers(servers: NameServers, name: string): Promise<NameAnswer> {
  const resolver = servers()
  const v4: RecordWithTtl[] = []
  const v6: RecordWithTtl[] = []
  const failures: string[] = []
  await new Promise<void>((resolve) => {
    let open = 2
    let timer: NodeJS.Timeout | undefined
    const ended = () => {
      if (--open === 0) {
        clearTimeout(timer)
        resolve()
      } else if (v4.length + v6.length > 0) timer = setTimeout(resolve, OTHER_FAMILY_MS)
    }
    const note = (error: NodeJS.ErrnoException) => failures.push(error.code ?? error.message)
    resolver
      .resolve4(name, { ttl: true })
      .then((found) => v4.push(...found), note)
      .finally(ended)
    resolver
      .resolve6(name, { ttl: true })
      .then((found) => v6.push(...found), note)
      .finally(ended)
  })
  if (v4.length + v6.length > 0) {
    const addresses: string[] = []
    for (let i = 0; i < Math.max(v4.length, v6.length); i++)
      for (const record of [v4[i], v6[i]]) if (record !== undefined) addresses.push(record.address)
    const ttlMs = Math.min(...[...v4, ...v6].map(({ ttl }) => ttl)) * 1_000
    return { kind: 'found', addresses, ttlMs }
  }
  const detail = [...new Set(failures)].join(', ')
  return { kind: failures.every((code) => NOTHING.has(code)) ? 'none' : 'unknown', detail }
}
