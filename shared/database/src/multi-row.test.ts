import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunksOf } from './multi-row.ts'

const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => [i, `name ${i}`])

describe('many rows in one statement', () => {
  it('repeats the tuple of values with parameters of its own', () => {
    const sql = "INSERT INTO t (a, b, c) VALUES ($2, upper($1), ')') ON CONFLICT DO NOTHING"
    const chunks = [...chunksOf({ sql, rows: rowsOf(9) })]
    expect(chunks.map(({ params }) => params.length)).toEqual([16, 2])
    expect(chunks[0]?.sql).toMatch(
      /^INSERT INTO t \(a, b, c\) VALUES \(\$2, upper\(\$1\), '\)'\),\(\$4, upper\(\$3\), '\)'\),.*\) ON CONFLICT DO NOTHING$/,
    )
    expect(chunks[1]).toEqual({ sql, params: [8, 'name 8'] })
  })

  it.each([
    ['no values', 'DELETE FROM t WHERE a = $1 AND b = $2'],
    ['parameters behind them', 'UPDATE t SET a = v.column1 FROM (VALUES ($1)) AS v WHERE b = $2'],
    ['parameters before them', 'UPDATE t SET b = $2 FROM (VALUES ($1)) AS v'],
    ['several tuples already', 'INSERT INTO t VALUES ($1, 1), ($2, 2)'],
  ])('runs a statement with %s once for each row', (_, sql) => {
    const rows = rowsOf(20)
    expect([...chunksOf({ sql, rows })]).toEqual(rows.map((params) => ({ sql, params })))
  })

  it('gives every row once, in order, in few sizes and within what the protocol can count', () => {
    const sizes = new Set<string>()
    fc.assert(
      fc.property(fc.nat(1_500), fc.integer({ min: 1, max: 120 }), (count, width) => {
        const places = Array.from({ length: width }, (_, i) => `$${i + 1}`).join(', ')
        const sql = `INSERT INTO t${width} VALUES (${places})`
        const rows = Array.from({ length: count }, (_, i) => Array.from({ length: width }, () => i))
        const chunks = [...chunksOf({ sql, rows })]
        expect(chunks.flatMap(({ params }) => params)).toEqual(rows.flat())
        for (const chunk of chunks) {
          expect(chunk.params.length).toBeLessThan(65_536)
          expect(chunk.sql.endsWith(`$${chunk.params.length})`)).toBe(true)
          sizes.add(`${chunk.params.length / width}`)
        }
      }),
      { numRuns: 30 },
    )
    expect(sizes.size).toBeLessThanOrEqual(4)
  })
})
