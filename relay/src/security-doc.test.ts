import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const [WHO = '', SPENT = ''] = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8').split(
  '## What a stranger can spend',
)

function rowsOf(part: string): string[][] {
  return part
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (who|of what|---) \|/.test(line))
    .map((line) => line.slice(2, -2).split(' | '))
}

const TEST = /`([^`]+)`: "([^"]+)"/g

/** Nothing but tests, so that none is passed over for how it is written; each is there. */
function checkTests(tests: string): void {
  const proofs = [...tests.matchAll(TEST)]
  expect(proofs.length).toBeGreaterThan(0)
  expect(tests.replaceAll(TEST, '').replaceAll(/[;\s]/g, '')).toBe('')
  for (const [, path = '', title = ''] of proofs) {
    expect(path).toMatch(/\.test\.ts$/)
    expect(readFileSync(join(ROOT, path), 'utf8'), path).toContain(title)
  }
}

/** The value of a constant of the code that is written as a number, or as a product of numbers. */
function constantIn(path: string, name: string): number {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const [, product = ''] = new RegExp(`const ${name} = ([\\d_ *]+)$`, 'm').exec(text) ?? []
  expect(product, `${name} in ${path}`).not.toBe('')
  return product.split('*').reduce((value, factor) => value * Number(factor.replaceAll('_', '')), 1)
}

describe('SECURITY.md names what is there', () => {
  // Who, what, files, tests.
  it.each(rowsOf(WHO).map((cells) => ({ cells, who: cells[0], what: cells[1]?.slice(0, 60) })))(
    '$who: $what',
    ({ cells }) => {
      expect(cells.length).toBe(4)
      const [, , files = '', tests = ''] = cells
      const named = [...files.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
      expect(named.length).toBeGreaterThan(0)
      for (const path of named) expect(existsSync(join(ROOT, path)), path).toBe(true)
      checkTests(tests)
    },
  )

  // Of what, by what, bound, beyond it, test.
  it.each(rowsOf(SPENT).map((cells) => ({ cells, what: cells[0], by: cells[1]?.slice(0, 60) })))(
    'what a stranger can spend: $what, $by',
    ({ cells }) => {
      expect(cells.length).toBe(5)
      const [, , bound = '', , tests = ''] = cells
      const constants = [...bound.matchAll(/`([^`]+)`((?:,? [A-Z_]+ = [\d,]*\d)+)/g)]
      expect(constants.length).toBeGreaterThan(0)
      for (const [, path = '', pairs = ''] of constants)
        for (const [, name = '', value = ''] of pairs.matchAll(/([A-Z_]+) = ([\d,]*\d)/g))
          expect(constantIn(path, name), `${name} in ${path}`).toBe(Number(value.replaceAll(',', '')))
      checkTests(tests)
    },
  )
})
