import { plainText } from './plain-text.ts'

/** Rows as a table for a terminal: columns as wide as what is in them. */
export function table(rows: readonly Record<string, unknown>[], columns: readonly string[]): string {
  const cells = [columns, ...rows.map((row) => columns.map((column) => cell(column, row[column])))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => (line[i] as string).length)))
  return cells
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** An answer line by line: what is nested stands behind dots. */
export function lines(value: unknown, name = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${name}: ${cell(name, value)}`]
  const inner = Array.isArray(value)
    ? value.map((one, i) => [String(i), one] as const)
    : Object.entries(value)
  return inner.flatMap(([key, one]) => lines(one, name === '' ? key : `${name}.${key}`))
}

function cell(name: string, value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (name.endsWith('Ms') && typeof value === 'number')
    return value === 0 ? 'never' : new Date(value).toISOString()
  return plainText(String(value))
}
