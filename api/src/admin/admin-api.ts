import type { IncomingMessage, ServerResponse } from 'node:http'
import { ClientAddresses } from '@bgs/runtime/service/client-address.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { type Answer, NO_STORE, ok } from '../http/answer.ts'
import { readJson } from '../http/read-json.ts'
import { send } from '../http/send.ts'
import { errorAnswer, XrpcError } from '../http/xrpc-error.ts'
import { AdminAuth } from './admin-auth.ts'
import type { AdminContext } from './context.ts'
import { openApi } from './openapi.ts'
import { matchPath } from './route.ts'
import { ADMIN_ROUTES } from './routes.ts'

export interface AdminApiParts {
  readonly passwords: readonly string[]
  readonly trustedProxies: readonly string[]
  readonly context: AdminContext
  /** Undefined while the database answers; else why not. */
  readonly databaseAway: () => string | undefined
  readonly logger: Logger
}

/** Answers a request to the admin API, and says whether it is one. */
export type AdminApi = (request: IncomingMessage, response: ServerResponse) => boolean

/** The admin API, for the operator listener. */
export function createAdminApi({
  passwords,
  trustedProxies,
  context,
  databaseAway,
  logger,
}: AdminApiParts): AdminApi {
  const auth = new AdminAuth(passwords, new ClientAddresses(trustedProxies))
  const description = openApi(ADMIN_ROUTES)

  async function answer(request: IncomingMessage, url: URL): Promise<Answer> {
    try {
      const who = auth.authenticate(request)
      if (url.pathname === '/admin/openapi.json') return ok(description)
      const away = databaseAway()
      if (away !== undefined) throw new XrpcError(503, 'ServiceUnavailable', away, { 'retry-after': '5' })
      return await route(request, url, who)
    } catch (error) {
      return errorAnswer(error, logger)
    }
  }

  async function route(request: IncomingMessage, url: URL, who: string): Promise<Answer> {
    let isKnown = false
    for (const one of ADMIN_ROUTES) {
      const path = matchPath(one.path, url.pathname)
      if (path === undefined) continue
      isKnown = true
      if (one.method !== request.method) continue
      const body = one.body === undefined ? undefined : await readJson(request)
      return one.handle({ path, params: url.searchParams, body, who }, context)
    }
    if (isKnown) throw new XrpcError(405, 'InvalidRequest', 'this path is asked for in another way')
    throw new XrpcError(404, 'NotFound', 'no such path; /admin/openapi.json lists them all')
  }

  return (request, response) => {
    const url = URL.parse(request.url ?? '/', 'http://relay')
    if (url === null || !url.pathname.startsWith('/admin/')) return false
    void answer(request, url).then((result) => send(response, result, NO_STORE))
    return true
  }
}
