import {
  type AskedHost,
  askForHost,
  findHost,
  hasPlaceToday,
  meetHost,
} from '@bgs/database/hosts/host-rows.ts'
import { rulesOf } from '@bgs/database/hosts/new-hosts.ts'
import type { HostAddress } from '@bgs/runtime/net/hostname.ts'
import { httpGet } from '@bgs/runtime/net/http-get.ts'
import { networkOf } from '@bgs/runtime/service/parse-address.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import { z } from 'zod'
import { hostParam } from '../http/host-param.ts'
import { invalid, XrpcError } from '../http/xrpc-error.ts'
import type { XrpcMethod } from './method.ts'

const Body = z.object({ hostname: z.string().max(2_048) })
const Description = z.object({ did: z.string().startsWith('did:') })

const DESCRIBE_TIMEOUT_MS = 5_000
const DESCRIBE_MAX_BYTES = 64 * 1024
/** com.atproto.sync.requestCrawl: the checks of H6, cheap ones first. */
export const requestCrawl: XrpcMethod = {
  kind: 'procedure',
  async handle({ body, address }, context) {
    const host = parseBody(body, context.allowPrivate)
    const { hostname } = host
    const { database, newHosts, allowPrivate } = context
    const known = await findHost(database, hostname)
    const rules = await rulesOf(database, hostname, newHosts)
    if (rules.banned || (known !== undefined && Number(known.banned) === 1))
      throw new XrpcError(400, 'HostBanned', `${hostname} is banned from this relay`)
    // PDSes call this with every update: nothing is to be done, and nothing to be limited.
    if (known !== undefined && Number(known.connected) === 1) return { status: 200 }
    if (!allowPrivate) {
      await context.limits.take('address', networkOf(address))
      await context.limits.take('host', hostname)
    }
    const nowMs = context.now()
    const { trusted } = rules
    const isMet = known !== undefined || trusted
    if (!isMet && !(await hasPlaceToday(database, hostname, newHosts.perDay, nowMs))) throw tooManyToday()
    await describe(host, allowPrivate)
    const asked: AskedHost = {
      hostname,
      trusted,
      accountLimit: newHosts.accountLimit,
      source: 'request',
      nowMs,
    }
    // Looked at before the host was asked, counted only now: a host that is none takes nobody's place.
    if (known !== undefined) await askForHost(database, { ...asked, trusted: false })
    else if (!(await meetHost(database, asked, newHosts.perDay))) throw tooManyToday()
    context.wakeUps.emit('hosts')
    return { status: 200 }
  },
}

function parseBody(body: unknown, allowPrivate: boolean): HostAddress {
  const parsed = Body.safeParse(body)
  if (!parsed.success) throw invalid('the body must be JSON with a "hostname"')
  return hostParam(parsed.data.hostname, allowPrivate, '"hostname"')
}

/** H6: the limits, in all and by registrable domain, hold for all processes, and start anew at midnight UTC. */
function tooManyToday(): XrpcError {
  return new XrpcError(
    429,
    'RateLimitExceeded',
    'this relay meets no more new hosts, or none under this domain, today',
    {
      'retry-after': '3600',
    },
  )
}

/** Nobody could say where the host is: that is not the host's fault, and no word about whether it is one. */
function noNameServer(hostname: string): XrpcError {
  return new XrpcError(
    503,
    'NotResolved',
    `no name server could say where ${hostname} is: call again later`,
    {
      'retry-after': '60',
    },
  )
}

/** The host must answer describeServer as a PDS does: JSON with a DID. */
async function describe(host: HostAddress, allowPrivate: boolean): Promise<void> {
  const unreachable = (why: string) =>
    new XrpcError(
      400,
      'HostNotFound',
      `${host.hostname} does not answer describeServer as a PDS does: ${why}`,
    )
  let body: string
  try {
    const reply = await httpGet(new URL('/xrpc/com.atproto.server.describeServer', host.http), {
      timeoutMs: DESCRIBE_TIMEOUT_MS,
      maxBytes: DESCRIBE_MAX_BYTES,
      userAgent: USER_AGENT,
      trust: allowPrivate ? 'private' : 'public',
    })
    if (!reply.ok) throw new Error(`HTTP ${reply.status}`)
    body = reply.body
  } catch (error) {
    // The reason in full would make this a probe of what the relay can reach.
    const code = (error as { code?: string }).code ?? ''
    if (code === 'EAI_AGAIN') throw noNameServer(host.hostname)
    throw unreachable(code === 'timeout' ? 'no answer in time' : 'no usable answer')
  }
  try {
    Description.parse(JSON.parse(body))
  } catch {
    throw unreachable('not JSON with a "did"')
  }
}
