import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
/** The cells of each row of the table: who, what, files, tests. */
const ROWS = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (who|---) \|/.test(line))
  .map((line) => line.slice(2, -2).split(' | '))

const TEST = /`([^`]+)`: "([^"]+)"/g

describe('SECURITY.md names what is there', () => {
  it.each(ROWS.map((cells) => ({ cells, who: cells[0], what: cells[1]?.slice(0, 60) })))(
    '$who: $what',
    ({ cells }) => {
      expect(cells.length).toBe(4)
      const [, , files = '', tests = ''] = cells
      const named = [...files.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
      expect(named.length).toBeGreaterThan(0)
      for (const path of named) expect(existsSync(join(ROOT, path)), path).toBe(true)
      const proofs = [...tests.matchAll(TEST)]
      expect(proofs.length).toBeGreaterThan(0)
      // Nothing but tests, so that none is passed over for how it is written.
      expect(tests.replaceAll(TEST, '').replaceAll(/[;\s]/g, '')).toBe('')
      for (const [, path = '', title = ''] of proofs) {
        expect(path).toMatch(/\.test\.ts$/)
        expect(readFileSync(join(ROOT, path), 'utf8'), path).toContain(title)
      }
    },
  )
})
