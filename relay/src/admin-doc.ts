import { ADMIN_ROUTES } from '@bgs/api/admin/routes.ts'
import { z } from 'zod'

/** Contents of docs/admin-api.md. */
export function adminDoc(): string {
  const routes = ADMIN_ROUTES.flatMap(({ method, path, summary, params, body }) => {
    const fields = body === undefined ? {} : fieldsOf(z.toJSONSchema(body, { io: 'input' }) as JsonSchema)
    const all = Object.entries({ ...params, ...fields }).map(([name, text]) => `- \`${name}\`: ${text}`)
    return [`## ${method} ${path}`, '', summary, '', ...(all.length === 0 ? [] : [...all, ''])]
  })
  return [
    '# The admin API',
    '',
    'Made from api/src/admin by `npm run docs`. It is on the operator listener (RELAY_OPS_PORT) of the embedded relay and',
    'of each fan-out node; `/admin/openapi.json` describes it as OpenAPI 3.1. HTTP Basic with user `admin` and any password of',
    'RELAY_ADMIN_PASSWORD; bodies are `application/json`; refusals are `{"error", "message"}`. Each act asks `why` and is kept,',
    'with who and when, in the audit log. [The command line](commands.md) does the same.',
    '',
    ...routes,
  ].join('\n')
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, { readonly description?: string; readonly type?: string }>>
  readonly required?: readonly string[]
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, { description, type }]) => {
      const text = description ?? type ?? 'see the OpenAPI description'
      return [name, required.includes(name) ? `${text} (required)` : text]
    }),
  )
}
