/** Flags of the operator's commands, beside the settings. */
export const CLI_FLAGS = {
  json: 'boolean',
  why: 'string',
  order: 'string',
  status: 'string',
  q: 'string',
  limit: 'string',
  local: 'string',
  from: 'string',
  cursor: 'string',
  trusted: 'string',
  lenient: 'string',
  upstream: 'boolean',
  accounts: 'string',
  'events-per-second': 'string',
  'events-per-hour': 'string',
  'events-per-day': 'string',
  reason: 'string',
  out: 'string',
  type: 'string',
  did: 'string',
  collection: 'string',
  count: 'string',
} as const satisfies Record<string, 'boolean' | 'string'>

export type CliFlags = Readonly<Record<string, string | true>>
