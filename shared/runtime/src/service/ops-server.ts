import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import { AddressLimits, newAddressLimits } from './address-limits.ts'
import { ClientAddresses } from './client-address.ts'
import { descriptors } from './descriptors.ts'
import { errorText } from './error-text.ts'
import { createListener } from './listener.ts'
import type { Settings } from './settings.ts'
import { opsMetrics } from './shared-metrics.ts'

/** Sockets at once: those who look after the relay are few. */
const MAX_CONNECTIONS = 500
const PAGES = new Set(['metrics', 'livez', 'readyz', 'admin', 'dashboard'])

/** What the operator listener asks a role. */
export interface Health {
  /** Undefined while ready; else why not. */
  readonly notReady: () => string | undefined
  /** Why a restart of the process could help; undefined while it could not. It is alive then, whatever it waits for. */
  readonly restartCouldHelp?: () => string | undefined
  /** Brings gauges up to date before they are read. */
  readonly refresh?: () => void
  /** Further metrics in Prometheus's text form, of what keeps its own. */
  readonly others?: () => Promise<string>
  /** Answers what it knows, and says whether it does. */
  readonly handle?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** The operator listener: /metrics, /livez (no restart would help the process), /readyz (it can do its work). */
export function createOpsServer(settings: Settings, registry: Registry, health: Health): Server {
  const { requests } = opsMetrics(registry)
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const page = pageOf(request.url ?? '/')
    response.once('finish', () => requests.inc({ page, status: String(response.statusCode) }))
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
      response.end(body)
    }
    if (health.handle?.(request, response) === true) return
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET only\n')
    const path = (request.url ?? '/').split('?')[0]
    const answerUnless = (why: string | undefined) =>
      why === undefined ? answer(200, 'ok\n') : answer(503, `${why}\n`)
    if (path === '/livez') return answerUnless(health.restartCouldHelp?.())
    if (path === '/readyz') return answerUnless(health.notReady())
    if (path === '/metrics') {
      health.refresh?.()
      Promise.all([registry.metrics(), health.others?.() ?? '']).then(
        (texts) => answer(200, texts.join('\n'), registry.contentType),
        (error: unknown) => answer(500, `${errorText(error)}\n`),
      )
      return
    }
    if (path === '/')
      return answer(200, 'operator listener: /metrics, /livez, /readyz, /admin/openapi.json, /dashboard/\n')
    answer(404, 'no such page\n')
  }
  return createListener({
    isFull: () => descriptors.isShort('operator'),
    maxConnections: MAX_CONNECTIONS,
    clients: new ClientAddresses(settings.RELAY_TRUSTED_PROXIES),
    limits: new AddressLimits(newAddressLimits(settings)),
    onRequest,
  })
}

/** A word from a closed set for what was asked for. */
function pageOf(url: string): string {
  const page = /^\/(\w+)(?:[/?]|$)/.exec(url)?.[1] ?? ''
  return PAGES.has(page) ? page : 'other'
}
