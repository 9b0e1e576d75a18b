/** No more of an error's text is worth a line. */
const MAX_CHARS = 2_000
/** Causes below causes, and parts of a group: beyond these they say nothing new. */
const MAX_DEPTH = 4
const MAX_PARTS = 8

/**
 * One line that says what went wrong, in at most 2,000 characters. A group of errors (AggregateError) says nothing by
 * itself and is told by its parts, and a cause is told behind what it led to.
 */
export function errorText(error: unknown): string {
  const text = textOf(error, MAX_DEPTH)
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`
}

function textOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return plain(error)
  const code = (error as NodeJS.ErrnoException).code
  const own = error.message.slice(0, MAX_CHARS)
  // What to say of an error that says nothing, and has no parts that do.
  const name = typeof code === 'string' ? code : error.name
  if (depth === 0) return own || name
  const parts = error instanceof AggregateError ? error.errors : []
  const details = new Set<string>()
  for (const part of parts.slice(0, MAX_PARTS)) details.add(textOf(part, depth - 1))
  if (parts.length > MAX_PARTS) details.add(`${parts.length - MAX_PARTS} more`)
  if (error.cause !== undefined) details.add(textOf(error.cause, depth - 1))
  // Those who wrap an error often repeat it.
  const detail = [...details].filter((text) => text !== '' && !own.includes(text)).join('; ')
  if (detail === '') return own || name
  return own === '' ? detail : `${own}: ${detail}`
}

/** What was thrown without being an error. An object's own toString may throw in its turn. */
function plain(value: unknown): string {
  try {
    return String(value).slice(0, MAX_CHARS)
  } catch {
    return 'an error that has no text'
  }
}
