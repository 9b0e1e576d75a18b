import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const TEST_FILES = ['*/src/**/*.test.ts', 'shared/*/src/**/*.test.ts']
const HEAD = '## Tests that prove them'
/** An invariant as INVARIANTS.md has it, with the first words of it. */
const INVARIANT = /^(\d+)\. \*\*(.+?)[.:]?\*\*/gm
/** The name of a test, or of several, which says what it proves: `invariant 2`, `invariants 10, 11`. */
const NAME = /(['`])((?:(?!\1).)*\binvariants? (\d+(?:, \d+)*)(?:(?!\1).)*)\1/g
const SEED = /;? ?TEST_SEED=\$\{SEED\}/

interface Proof {
  readonly invariants: readonly number[]
  readonly path: string
  readonly name: string
}

/** Contents of INVARIANTS.md: what is written there, and behind it which tests prove each invariant. */
export function invariantsDoc(): string {
  const [written = ''] = readFileSync(join(ROOT, 'INVARIANTS.md'), 'utf8').split(`\n${HEAD}\n`)
  const proofs = proofsOfInvariants()
  const parts = [...written.matchAll(INVARIANT)].map(([, number, title]) =>
    [
      `**${number}. ${title}**`,
      '',
      ...proofs
        .filter(({ invariants }) => invariants.includes(Number(number)))
        .map(({ path, name }) => `- \`${path}\`: ${name}`),
      '',
    ].join('\n'),
  )
  return [
    written.trimEnd(),
    '',
    HEAD,
    '',
    'Made by `npm run docs` from the names of tests: whoever proves an invariant says its number there.',
    '',
    ...parts,
  ].join('\n')
}

/** Tests, and groups of them, that say in their name which invariants they prove; by path, as they stand in the file. */
export function proofsOfInvariants(): Proof[] {
  return globSync(TEST_FILES, { cwd: ROOT })
    .sort()
    .flatMap((path) =>
      readFileSync(join(ROOT, path), 'utf8')
        .split('\n')
        .filter((line) => !/^\s*(?:\/|\*)/.test(line))
        .flatMap((line) => [...line.matchAll(NAME)])
        .map(([, , name = '', numbers = '']) => ({
          invariants: numbers.split(', ').map(Number),
          path,
          name: name.replace(SEED, ''),
        })),
    )
}
