import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')
const { workspaces } = JSON.parse(textOf('package.json')) as { workspaces: string[] }
const packages = globSync(
  workspaces.map((one) => `${one}/package.json`),
  { cwd: root },
)
  .map(dirname)
  .sort()

/** Cells of the tables of a document, row by row, without heads and rulers. */
function rowsOf(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  return rows
    .filter((line, i) => !/^\|[ -]+\|/.test(line) && !/^\|[ -]+\|/.test(rows[i + 1] ?? ''))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
}

/** The file to read first, as a README links it. */
function firstOf(text: string): string {
  return /## Read first\n\n1\. \[.+?\]\((.+?)\)/.exec(text)?.[1] ?? ''
}

describe.each(packages)('the README of %s', (folder) => {
  const text = existsSync(join(root, folder, 'README.md')) ? textOf(`${folder}/README.md`) : ''

  it('says what it owns, what to read first, what it never does and how it is tested, in a page', () => {
    const heads = [...text.matchAll(/^## (.+)$/gm)].map(([, head]) => head)
    expect(heads).toEqual(expect.arrayContaining(['Owns', 'Read first', 'Never', 'Tests']))
    expect(text.startsWith(`# ${folder}\n\n`)).toBe(true)
    const lines = text.split('\n').filter((line) => !line.startsWith('|'))
    expect(lines.length).toBeLessThanOrEqual(45)
  })

  it('is linked from ARCHITECTURE.md, beside the file to read first', () => {
    const row = rowsOf(textOf('ARCHITECTURE.md')).find(
      ([name = '']) => name === `[${folder}](${folder}/README.md)`,
    )
    expect(row?.at(-1)).toContain(`\`${folder}/${firstOf(text)}\``)
  })
})

/** Packages whose first file tells at its head the story of the whole. */
const TOLD = [
  'crawler',
  'verifier',
  'sequencer',
  'fanout',
  'relay',
  'shared/protocol',
  'shared/embedded',
  'shared/cluster',
]

it.each(TOLD)('%s: the file to read first begins with its story, in 15 lines at most', (folder) => {
  const path = firstOf(textOf(`${folder}/README.md`))
  const [story = ''] = /^\/\*\*\n(?: \*.*\n)+? \*\/\n(?=\nimport )/.exec(textOf(join(folder, path))) ?? []
  const lines = story.trimEnd().split('\n').length
  expect(lines, path).toBeGreaterThan(5)
  expect(lines, path).toBeLessThanOrEqual(15)
})

interface Wall {
  readonly includes: readonly string[]
  readonly linter: {
    rules: { style: { noRestrictedImports?: { options: { patterns: { group: string[] }[] } } } }
  }
}

describe('shared/README.md', () => {
  const { overrides } = JSON.parse(textOf('biome.json')) as { overrides: Wall[] }
  const walls = new Map(
    overrides.map(({ includes, linter }) => [includes[0], linter.rules.style.noRestrictedImports]),
  )
  const rows = rowsOf(textOf('shared/README.md'))
  const named = rows.map(([name = '']) => /^\[(\w+)\]/.exec(name)?.[1])

  it('has each package of the folder once', () => {
    expect(named.map((name) => `shared/${name}`).sort()).toEqual(
      packages.filter((one) => one.startsWith('shared/')),
    )
  })

  it.each(
    rows.map(([, , imports = ''], i) => [named[i] ?? '', imports]).filter(([name]) => name !== 'testkit'),
  )('%s may import what biome.json lets it', (name, imports) => {
    const group = walls.get(`shared/${name}/src/**`)?.options.patterns[0]?.group ?? []
    expect(group[0]).toBe('@bgs/**')
    const allowed = group.slice(1).map((pattern) => /^!@bgs\/(\w+)\/\*\*$/.exec(pattern)?.[1])
    expect(imports === 'nothing' ? [] : imports.split(', ')).toEqual(allowed)
  })
})

describe('who writes a column of hosts (shared/database/README.md)', () => {
  const quoted = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, one = '']) => one)
  const rows = rowsOf(textOf('shared/database/README.md')).map(([columns, files]) => ({
    columns: quoted(columns),
    files: quoted(files),
  }))

  it('names each column once', async () => {
    const database = await SqliteDatabase.open(':memory:')
    const columns = await database.query<{ name: string }>("SELECT name FROM pragma_table_info('hosts')")
    await database.close()
    expect(rows.flatMap((row) => row.columns).sort()).toEqual(columns.map(({ name }) => name).sort())
  })

  it.each(rows)('$columns: $files', ({ columns, files }) => {
    expect(files.length).toBeGreaterThan(0)
    for (const file of files)
      for (const column of columns)
        expect(textOf(file), `${column} in ${file}`).toMatch(new RegExp(`\\b${column}\\b`))
  })

  it('names each file that writes the table', () => {
    const named = new Set(rows.flatMap(({ files }) => files))
    const writes = /\b(?:UPDATE|INSERT INTO|DELETE FROM) hosts\b/
    const writers = globSync(
      workspaces.map((one) => `${one}/src/**/*.ts`),
      { cwd: root },
    ).filter((path) => !/\.test\.ts$|\/testing\/|^(?:bench|e2e|fuzz|simnet|shared\/testkit)\//.test(path))
    // The history of the schema, and the copy into a cluster that has not run yet.
    const others = ['shared/database/src/migrations.ts', 'relay/src/migrate.ts']
    expect(writers.filter((path) => writes.test(textOf(path)) && !others.includes(path)).sort()).toEqual(
      [...named].sort(),
    )
  })
})
