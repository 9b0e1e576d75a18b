import { VERSION } from '@bgs/runtime/service/version.ts'
import { z } from 'zod'
import type { AdminRoute } from './route.ts'

/** The admin API as OpenAPI 3.1, made from its routes. */
export function openApi(routes: readonly AdminRoute[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    const methods = paths[route.path] as Record<string, object>
    methods[route.method.toLowerCase()] = operation(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Admin API of the relay',
      version: VERSION,
      description:
        'On the operator listener. HTTP Basic with user `admin` and one of RELAY_ADMIN_PASSWORD. Every act asks why, and is kept in the audit log.',
    },
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic' } },
      schemas: {
        Error: {
          type: 'object',
          properties: { error: { type: 'string' }, message: { type: 'string' } },
          required: ['error', 'message'],
        },
      },
    },
    security: [{ basic: [] }],
    paths,
  }
}

function operation({ method, path, summary, params, body }: AdminRoute): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = Object.entries(params).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-zA-Z]+(.)?/g, (_, c: string) => (c ?? '').toUpperCase())}`,
    summary,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: z.toJSONSchema(body, { io: 'input' }) } },
          },
        }),
    responses: {
      200: { description: 'done' },
      default: {
        description: 'refused; the body says why',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}
