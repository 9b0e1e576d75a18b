import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { Answer } from '../http/answer.ts'
import { errorAnswer, XrpcError } from '../http/xrpc-error.ts'
import { PAGES } from '../pages/pages.ts'
import { getHostStatus } from './get-host-status.ts'
import { getLatestCommit } from './get-latest-commit.ts'
import { getRepo } from './get-repo.ts'
import { getRepoStatus } from './get-repo-status.ts'
import { listHosts } from './list-hosts.ts'
import { listRepos } from './list-repos.ts'
import type { XrpcContext, XrpcMethod, XrpcRequest } from './method.ts'
import { requestCrawl } from './request-crawl.ts'

/** What this relay answers, by NSID. */
export const METHODS: Readonly<Record<string, XrpcMethod>> = {
  'com.atproto.sync.requestCrawl': requestCrawl,
  'com.atproto.sync.listHosts': listHosts,
  'com.atproto.sync.getHostStatus': getHostStatus,
  'com.atproto.sync.listRepos': listRepos,
  'com.atproto.sync.getRepoStatus': getRepoStatus,
  'com.atproto.sync.getLatestCommit': getLatestCommit,
  'com.atproto.sync.getRepo': getRepo,
}

/** Answers one call of a method of METHODS, or of a page. Never rejects: an error is an answer, too. */
export type Call = (nsid: string, request: XrpcRequest) => Promise<Answer>

export interface CallParts {
  readonly context: XrpcContext
  /** Undefined while the database answers; else why not: a request would wait for it, and others behind it. */
  readonly databaseAway: () => string | undefined
  readonly logger: Logger
}

/** Calls methods in this thread, which has the database. */
export function createCall({ context, databaseAway, logger }: CallParts): Call {
  return async (nsid, request) => {
    try {
      const away = databaseAway()
      if (away !== undefined) throw new XrpcError(503, 'ServiceUnavailable', away, { 'retry-after': '5' })
      return await ((METHODS[nsid] ?? PAGES[nsid]) as XrpcMethod).handle(request, context)
    } catch (error) {
      return errorAnswer(error, logger)
    }
  }
}
