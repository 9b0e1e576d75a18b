import type { SqlStep, SqlValue } from '@bgs/contract/database.ts'

/** Rows given to one statement: few sizes, so that each has its plan prepared. */
const CHUNKS = [512, 64, 8, 1]
/** What the protocol can count. */
const MAX_PARAMETERS = 65_535

/** One statement to be run. */
export interface Chunk {
  readonly sql: string
  readonly params: readonly SqlValue[]
}

interface Template {
  readonly head: string
  readonly tuple: string
  readonly tail: string
  readonly bySize: Map<number, string>
}

const templates = new Map<string, Template | undefined>()

/** The statements of a step: of many rows where all its parameters are in one `VALUES (…)`, else one for each row. */
export function* chunksOf(step: SqlStep): Generator<Chunk> {
  const { sql, rows } = step
  const template = rows.length > 1 ? templateOf(sql) : undefined
  if (template === undefined) {
    for (const params of rows) yield { sql, params }
    return
  }
  const width = rows[0]?.length ?? 0
  let at = 0
  for (const size of CHUNKS) {
    if (size * width > MAX_PARAMETERS) continue
    for (; rows.length - at >= size; at += size)
      yield { sql: expand(template, size, width), params: rows.slice(at, at + size).flat() }
  }
}

function expand(template: Template, size: number, width: number): string {
  let sql = template.bySize.get(size)
  if (sql === undefined) {
    const tuples = Array.from({ length: size }, (_, row) =>
      template.tuple.replaceAll(/\$(\d+)/g, (_, number: string) => `$${row * width + Number(number)}`),
    )
    sql = template.head + tuples.join(',') + template.tail
    template.bySize.set(size, sql)
  }
  return sql
}

function templateOf(sql: string): Template | undefined {
  if (!templates.has(sql)) templates.set(sql, parse(sql))
  return templates.get(sql)
}

/** Cuts a statement at its only tuple of values; undefined where it has none, or parameters elsewhere too. */
function parse(sql: string): Template | undefined {
  const match = /\bVALUES\s*\(/i.exec(sql)
  if (match === null) return undefined
  const start = match.index + match[0].length - 1
  const end = closingOf(sql, start)
  const head = sql.slice(0, start)
  const tail = sql.slice(end)
  if (/\$\d/.test(head) || /\$\d/.test(tail) || /^\s*,/.test(tail)) return undefined
  return { head, tuple: sql.slice(start, end), tail, bySize: new Map() }
}

/** The index behind the parenthesis that closes the one at `start`. */
function closingOf(sql: string, start: number): number {
  let depth = 0
  let quoted = false
  for (let i = start; i < sql.length; i++) {
    const char = sql[i]
    if (char === "'") quoted = !quoted
    if (quoted) continue
    if (char === '(') depth++
    if (char === ')' && --depth === 0) return i + 1
  }
  throw new Error(`unbalanced parentheses: ${sql}`)
}
