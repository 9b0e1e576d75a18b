import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const NOT_OURS = new Set(['node_modules', '.git', '.turbo', 'data', '.cache', 'output'])

/** Of all files and folders of the tree, from its root; folders end with a slash. */
const paths = pathsIn('')
const pathSet = new Set(paths)
const tops = new Set(paths.map((path) => path.split('/')[0]))

function pathsIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.has(name))
    .flatMap((entry) => {
      const path = folder + entry.name
      return entry.isDirectory() ? [`${path}/`, ...pathsIn(`${path}/`)] : [path]
    })
}

const SCRIPTS = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts,
)
const WORKFLOWS = paths.filter((path) => /^\.github\/workflows\/.+/.test(path))
/** Folders that tests make. */
const MADE = ['e2e/output/']
/** Every path in these stands in full. */
const IN_FULL = ['docs/glossary.md', 'docs/releasing.md', ...paths.filter(isRecord)]
/** In these what follows a full path may be shortened. */
const SHORTENED = [
  'ARCHITECTURE.md',
  'INVARIANTS.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'README.md',
  'CHANGELOG.md',
  'shared/README.md',
  ...paths
    .filter((path) => /^(?:shared\/)?[\w-]+\/package\.json$/.test(path))
    .map((path) => path.replace('package.json', 'README.md')),
]

function isRecord(path: string): boolean {
  return /^docs\/adr\/.+\.md$/.test(path)
}

/** What stands between backticks and reads as a path: with a slash, and a file's ending or one at its own end. */
function pathsNamed(text: string): string[] {
  return [...text.matchAll(/`([\w@.*-]*\/[\w@.*/-]*)`/g)]
    .map(([, path = '']) => path)
    .filter((path) => !path.startsWith('/') && /(?:\.(?:ts|mjs|md|json|ya?ml)|\/)$/.test(path))
}

function isThere(path: string): boolean {
  if (!path.includes('*')) return pathSet.has(path)
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`)
  return paths.some((one) => pattern.test(one))
}

/** A shortened path is the end of one that is there; one whose first part is at the root is not shortened. */
function isThereInShort(path: string): boolean {
  const [top = ''] = path.split('/')
  if (MADE.some((folder) => path.startsWith(folder))) return true
  return tops.has(top) ? isThere(path) : paths.some((one) => one.endsWith(`/${path}`))
}

describe('paths in backticks', () => {
  it.each(IN_FULL)('%s names only files and folders that there are, in full', (document) => {
    const named = pathsNamed(readFileSync(join(root, document), 'utf8'))
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((path) => !isThere(path))).toEqual([])
  })

  it.each(SHORTENED)('%s names only files and folders that there are', (document) => {
    const named = pathsNamed(readFileSync(join(root, document), 'utf8'))
    expect(named.filter((path) => !isThereInShort(path))).toEqual([])
  })

  it('are told from other words, and from what is not there', () => {
    expect(
      pathsNamed('`a/b.ts`, `a/b/`, `a/*-b.ts`, `/readyz`, `raw/s`, `b.ts`, a/c.ts, `npm run a/b.ts`'),
    ).toEqual(['a/b.ts', 'a/b/', 'a/*-b.ts'])
    expect(isThere('relay/src/main.ts')).toBe(true)
    expect(isThere('relay/src/no-such-file.ts')).toBe(false)
    expect(isThere('relay/src/no-such-folder/')).toBe(false)
    expect(isThere('src/main.ts')).toBe(false)
    expect(isThere('relay/src/no-such-*.ts')).toBe(false)
    expect(isThereInShort('src/main.ts')).toBe(true)
    expect(isThereInShort('relay/main.ts')).toBe(false)
  })
})

describe('the glossary', () => {
  const lines = readFileSync(join(root, 'docs/glossary.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('**'))
  const words = lines.map((line) => /^\*\*(.+?)\*\*: /.exec(line)?.[1] ?? `no word: ${line}`)

  it('is in alphabetical order, with each word once', () => {
    expect(words.length).toBeGreaterThan(50)
    expect(words).toEqual([...new Set(words)].sort((a, b) => a.localeCompare(b, 'en')))
  })

  it.each(words.map((word, i) => [word, lines[i] ?? '']))(
    '%s: the file that owns the word ends its line',
    (_, line) => {
      const [, path = ''] = /\. `([^`]+)`$/.exec(line) ?? []
      expect(isThere(path), path).toBe(true)
    },
  )
})

describe('commands', () => {
  const documents = [...IN_FULL, ...SHORTENED, ...WORKFLOWS]

  it.each(documents)('%s names only scripts that package.json has', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const named = [...text.matchAll(/\bnpm run (?:--silent )?([a-z][\w-]*)/g)].map(([, script]) => script)
    expect(named.filter((script) => !SCRIPTS.includes(script as string))).toEqual([])
  })
})

describe('workflows', () => {
  it('are there', () => {
    expect(WORKFLOWS.map((path) => path.replace(/^.*\//, '')).sort()).toEqual([
      'check.yaml',
      'nightly.yaml',
      'test.yaml',
    ])
  })

  it.each(WORKFLOWS)(
    '%s may only read, runs known actions by their major version, and has a deadline',
    (path) => {
      const text = readFileSync(join(root, path), 'utf8')
      expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m)
      expect(text.match(/^ *permissions:/gm)).toHaveLength(1)
      const actions = [...text.matchAll(/^ *(?:- )?uses: (.*)$/gm)].map(([, action = '']) => action)
      expect(actions.length).toBeGreaterThan(0)
      expect(actions.filter((action) => !/^actions\/[a-z-]+@v\d+$/.test(action))).toEqual([])
      const jobs = text.match(/^ {4}runs-on: /gm) ?? []
      expect(text.match(/^ {4}timeout-minutes: \d+$/gm)).toHaveLength(jobs.length)
    },
  )

  it.each(WORKFLOWS)('%s runs only commands of package.json, and files that there are', (path) => {
    const text = readFileSync(join(root, path), 'utf8')
    for (const [, command = ''] of text.matchAll(/\bnpm (ci|[a-z-]+)/g))
      if (command !== 'ci' && command !== 'run') expect(SCRIPTS).toContain(command)
    const files = [...text.matchAll(/(?<![\w./-])[\w-]+(?:\/[\w.-]+)*\.(?:ts|mjs|json|sh)\b/g)].map(
      ([file]) => file,
    )
    expect(files.filter((file) => !isThere(file))).toEqual([])
  })
})
