import { z } from 'zod'
import type { Answer } from '../http/answer.ts'
import { invalid } from '../http/xrpc-error.ts'
import type { AdminContext } from './context.ts'

/** Why an operator does something: kept in the audit log. */
export const Why = z.string().trim().min(1).max(500).describe('why, for the audit log')
/** The body of an act that needs nothing else. */
export const WhyBody = z.strictObject({ why: Why })

export interface AdminRequest<Body = unknown> {
  /** What stands in the path, by name. */
  readonly path: Readonly<Record<string, string>>
  readonly params: URLSearchParams
  readonly body: Body
  /** Who asks, for the audit log. */
  readonly who: string
}

/** One thing that the admin API does; the description of the API is made from these. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST'
  /** With `{name}` for what varies. */
  readonly path: string
  readonly summary: string
  readonly params: Readonly<Record<string, string>>
  readonly body: z.ZodType | undefined
  readonly handle: (request: AdminRequest, context: AdminContext) => Promise<Answer>
}

/** A question. `params` says what each parameter means. */
export function read(
  path: string,
  summary: string,
  params: Readonly<Record<string, string>>,
  handle: (request: AdminRequest, context: AdminContext) => Promise<Answer>,
): AdminRoute {
  return { method: 'GET', path, summary, params, body: undefined, handle }
}

/** An act, with the shape of its body. */
export function act<Body extends z.ZodType>(
  path: string,
  summary: string,
  body: Body,
  handle: (request: AdminRequest<z.infer<Body>>, context: AdminContext) => Promise<Answer>,
): AdminRoute {
  return {
    method: 'POST',
    path,
    summary,
    params: {},
    body,
    handle: (request, context) => handle({ ...request, body: parseBody(body, request.body) }, context),
  }
}

function parseBody<Body extends z.ZodType>(schema: Body, body: unknown): z.infer<Body> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue?.path.join('.') ?? ''
  throw invalid(`the body${where === '' ? '' : `, "${where}"`}: ${issue?.message ?? 'not as described'}`)
}

/** What a path says of a route's variable parts, decoded; undefined where it is another route's. */
export function matchPath(route: string, path: string): Record<string, string> | undefined {
  const want = route.split('/')
  const have = path.split('/')
  if (want.length !== have.length) return undefined
  const found: Record<string, string> = {}
  for (const [i, part] of want.entries()) {
    const given = have[i] as string
    if (!part.startsWith('{')) {
      if (part !== given) return undefined
      continue
    }
    try {
      found[part.slice(1, -1)] = decodeURIComponent(given)
    } catch {
      return undefined
    }
  }
  return found
}
