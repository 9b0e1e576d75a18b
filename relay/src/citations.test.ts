import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const RULEBOOK = 'docs/protocol.md'
const NOT_OURS = new Set(['node_modules', '.git', 'data'])

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const filesOf = (pattern: string) =>
  globSync(pattern, { cwd: ROOT, exclude: (path) => NOT_OURS.has(path.split('/').at(-1) ?? '') })
const files = filesOf('**/*.{ts,md,mjs,js,html,yaml,yml}')
const documents = filesOf('**/*.md').map((path) => `/${path}`)

const rulebook = read(RULEBOOK)
/** `W4`, `A-1`: items of the lists. `3`, `3.6`: headings. `3.4 step 5`: items of the numbered list under it. */
const RULES = new Set([...rulebook.matchAll(/^- \*\*([A-Z][A-Z0-9-]+)\*\* /gm)].map(([, rule]) => rule))
const SECTIONS = new Set([...rulebook.matchAll(/^#{2,3} (\d(?:\.\d)?)\.? /gm)].map(([, section]) => section))
const STEPS = new Set(
  [...(/^### 3\.4 .*?(?=^#)/ms.exec(rulebook)?.[0] ?? '').matchAll(/^(\d)\. /gm)].map(([, step]) => step),
)
const INVARIANTS = new Set([...read('INVARIANTS.md').matchAll(/^(\d+)\. /gm)].map(([, number]) => number))
const LETTERS = [...new Set([...RULES].map((rule) => rule?.[0]))].join('')

/** A rule's number that stands alone: not part of a longer word, an address, an escape or a date. */
const RULE = new RegExp(
  `(?<![\\w%#$+/\\\\.:-])([${LETTERS}]-?\\d{1,2}|P-PDS)(?:[–-]([${LETTERS}]-?\\d{1,2}))?(?![\\w-])`,
  'g',
)
const SECTION = /protocol\.md,? (?:\(?start of )?(?:section )?(\d(?:\.\d)?)(?![\w-])/g
const SECTION_ALONE = /(?<!RFC \d+,? )\bsections? (\d(?:\.\d)?)(?![\w.])/g
/** In brackets, in a list of rules, at the head of a comment or of a test's name. */
const SUBSECTION = /(?:[(,'] ?|\/\/ )(3\.\d)(?=[:,)'](?!\d)| steps? )/g
const STEP = /3\.4 steps? (\d)(?:(?:-| to | and )(\d))?/g
const INVARIANT = /\binvariants? ((?:\d+)(?:, \d+| and \d+)*)/g
const DOCUMENT = /(?<![\w/.-])((?:\.\.?\/)*(?:[\w-]+\/)*[\w.-]+\.md)\b/g

/** `C2` and `C12` as in `C2–C12`: those between are cited, too. */
function withThoseBetween([first = '', last]: readonly (string | undefined)[]): string[] {
  if (last === undefined) return [first]
  const [from, to] = [first, last].map((rule) => Number(rule.replace(/\D/g, ''))) as [number, number]
  return Array.from({ length: Math.max(0, to - from) + 1 }, (_, i) => `${first[0]}${from + i}`)
}

/** What a text cites that is written down nowhere. */
function citedInVain(text: string): string[] {
  const all = (pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, ...cited]) => cited.filter((one) => one))
  const sections = [...all(SECTION), ...all(SECTION_ALONE), ...all(SUBSECTION)].flat()
  const invariants = all(INVARIANT).flatMap(([list = '']) => list.split(/, | and /))
  return [
    ...all(RULE)
      .flatMap(withThoseBetween)
      .filter((rule) => !RULES.has(rule)),
    ...sections.filter((section) => !SECTIONS.has(section)).map((section) => `section ${section}`),
    ...all(STEP)
      .flat()
      .filter((step) => !STEPS.has(step))
      .map((step) => `3.4 step ${step}`),
    ...invariants.filter((number) => !INVARIANTS.has(number)).map((number) => `invariant ${number}`),
    ...all(DOCUMENT)
      .flat()
      .filter((path) => !documents.some((known) => known.endsWith(`/${path.replace(/^(\.\.?\/)+/, '')}`))),
  ]
}

describe('what is cited in comments, tests and documents is written down', () => {
  it('docs/protocol.md and INVARIANTS.md are read as they are written', () => {
    expect(LETTERS).toBe('WQGCSIAPNDEHX')
    for (const rule of [
      'W1',
      'W15',
      'Q13',
      'G7',
      'C14',
      'S2',
      'I3',
      'A-1',
      'A1',
      'A25',
      'P-PDS',
      'D10',
      'E7',
      'H10',
      'X7',
    ])
      expect(RULES).toContain(rule)
    expect([...SECTIONS]).toEqual(
      [...'0123'].concat(['3.1', '3.2', '3.3', '3.4', '3.5', '3.6'], [...'456789']),
    )
    expect([...STEPS]).toEqual([...'1234567'])
    expect([...INVARIANTS]).toContain('17')
  })

  it('nothing is cited in vain', () => {
    expect(files.length).toBeGreaterThan(500)
    const inVain = files.flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, at) => citedInVain(line).map((cited) => `${path}:${at + 1}: ${cited}`)),
    )
    expect(inVain).toEqual([])
  })

  // Put together here, so that this file itself cites nothing in vain.
  const no = (before: string, after: string) => `${before}${after}`
  it.each([
    [no('(protocol.md W', '99)'), [no('W', '99')]],
    [no('Q2–Q', '15'), [no('Q', '14'), no('Q', '15')]],
    [no('(Q12, A', '-2)'), [no('A', '-2')]],
    [no("it('C8, D", "77: an old key')"), [no('D', '77')]],
    [no('protocol.md 3.', '9'), [no('section 3.', '9')]],
    [no('(H8, 3.', '7): void'), [no('section 3.', '7')]],
    [no('(protocol.md 3.4 steps 6 and ', '9)'), [no('3.4 step ', '9')]],
    [no('section ', '11'), []],
    [no('(invariants 12, ', '99)'), [no('invariant ', '99')]],
    [no('(architecture', '.md, metrics)'), [no('architecture', '.md')]],
    ['RFC 8305, section 5; RFC 6455 section 5.2; OpenAPI 3.1, made; %E0%A4; V8; 3.5 s', []],
    ['(protocol.md 3.4 step 5), C2 to C12, W1-W7, A-1, D3–D6, section 7, invariants 12, 13, 15', []],
  ])('can fail: %s', (text, expected) => {
    expect(citedInVain(text)).toEqual(expected)
  })
})
