import { networkOf } from '@bgs/runtime/service/parse-address.ts'
import type { Answer } from '../http/answer.ts'
import type { XrpcContext, XrpcMethod } from '../xrpc/method.ts'
import { type Html, html } from './html.ts'
import { layout, PAGE_HEADERS } from './layout.ts'

/** What a page says, in both forms. */
export interface PageView {
  readonly title: string
  /** Where the same is as JSON. */
  readonly json: string
  readonly view: unknown
  readonly body: Html
}

/** A page as a method, so that whichever thread serves it, the one with the database makes it. */
export function page(make: (params: URLSearchParams, context: XrpcContext) => Promise<PageView>): XrpcMethod {
  return {
    kind: 'query',
    async handle({ params, address }, context): Promise<Answer> {
      await context.limits.take('page', networkOf(address))
      const { title, json, view, body } = await make(params, context)
      if (params.get(FORMAT) === 'json')
        return { status: 200, body: view, headers: { 'cache-control': 'public, max-age=5' } }
      return { status: 200, body: layout(title, json, body), headers: PAGE_HEADERS }
    },
  }
}

/** Parameters that say which page it is, beside those of the request. */
export const FORMAT = 'format'
export const SUBJECT = 'subject'

/** A refusal as people read it; as JSON where that was asked for. */
export function refusedPage(answer: Answer, params: URLSearchParams): Answer {
  if (params.get(FORMAT) === 'json') return answer
  const { error, message } = answer.body as { error: string; message: string }
  const headers = { ...answer.headers, ...PAGE_HEADERS, 'cache-control': 'no-store' }
  const body = html`<p class="say">${message}</p>`
  return { status: answer.status, body: layout(error, `?${FORMAT}=json`, body), headers }
}
