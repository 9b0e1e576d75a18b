import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SETTING_NAMES } from '@bgs/runtime/service/config.ts'
import { describe, expect, it } from 'vitest'
import { OPERATOR_COMMANDS } from './cli/operator-commands.ts'
import { COMMANDS } from './command.ts'

const root = join(import.meta.dirname, '../..')
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'INVARIANTS.md',
  'SECURITY.md',
  'deploy/README.md',
  'deploy/TLS.md',
  'k8s/README.md',
  'shared/README.md',
  ...globSync(['*/package.json', 'shared/*/package.json'], { cwd: root }).map((path) =>
    join(dirname(path), 'README.md'),
  ),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const tests = globSync(['*/src/**/*.test.ts', 'shared/*/src/**/*.test.ts'], { cwd: root })
/** The project of vitest.config.ts that a test belongs to. */
const projectOf = (path: string) =>
  path.startsWith('e2e/') ? 'e2e' : path.endsWith('.servers.test.ts') ? 'servers' : 'unit'
/** Variables that look like settings, and what Kubernetes would make. */
const NO_SETTINGS = ['RELAY_PUBLIC_PORT', 'RELAY_']

describe.each(documents)('%s', (name) => {
  const text = readFileSync(join(root, name), 'utf8')

  it('names only settings that there are', () => {
    const named = [...text.matchAll(/\bRELAY_[A-Z_]*[A-Z]\b|\bRELAY_(?=`)/g)].map(([found]) => found)
    const unknown = named.filter((one) => !NO_SETTINGS.includes(one) && !SETTING_NAMES.includes(one as never))
    expect(unknown).toEqual([])
  })

  it('names only commands that there are', () => {
    const groups = OPERATOR_COMMANDS.map(({ words }) => words.split(' ').slice(0, 2).join(' '))
    for (const [, words = ''] of text.matchAll(/npm start -- ([a-z][a-z-]*(?: [a-z][a-z-]*)?)/g)) {
      const [first = ''] = words.split(' ')
      const isKnown = Object.hasOwn(COMMANDS, first) || groups.includes(words) || groups.includes(first)
      expect(isKnown, `npm start -- ${words}`).toBe(true)
    }
    for (const [, words = ''] of text.matchAll(
      /`((?:hosts|accounts|domains|consumers|audit|refused) [a-z-]+)/g,
    ))
      expect(groups, words).toContain(words)
  })

  it('runs only tests that there are', () => {
    for (const [command, project = '', path = ''] of text.matchAll(
      /npx vitest run (?:--[\w-]+ )*--project (\w+) ([\w./-]+)/g,
    ))
      expect(
        tests.some((one) => one.startsWith(path) && projectOf(one) === project),
        command,
      ).toBe(true)
  })

  it('leads nowhere in vain', () => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      expect(existsSync(join(root, dirname(name), target)), target).toBe(true)
    }
  })
})

describe('ARCHITECTURE.md', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')

  it('opens with three diagrams: a frame, its acknowledgement, what an operator does', () => {
    const [head = ''] = text.split('| package |')
    expect(head.match(/^```mermaid$/gm)).toHaveLength(3)
  })

  it('has no cell of more than 250 characters', () => {
    const cells = text.split('\n').flatMap((line) => (line.startsWith('|') ? line.split('|') : []))
    expect(cells.length).toBeGreaterThan(100)
    expect(cells.filter((cell) => cell.trim().length > 250)).toEqual([])
  })
})
