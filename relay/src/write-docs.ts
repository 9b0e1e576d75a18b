import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configDoc, envExample } from '@bgs/shared/service/config.ts'
import { REASONS } from '@bgs/shared/verdict/reason.ts'

/** Writes what is made from the code's own tables: docs/config.md, docs/reasons.md, .env.example. */
const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
writeFileSync(at('docs/config.md'), configDoc())
writeFileSync(at('.env.example'), envExample())
writeFileSync(at('docs/reasons.md'), reasonsDoc())

function reasonsDoc(): string {
  const rows = Object.entries(REASONS).map(([name, { rule, text }]) => `| ${name} | ${rule} | ${text} |`)
  return [
    '# Why a frame was refused',
    '',
    'Made from shared/src/verdict/reason.ts by `npm run docs`. Metrics, logs and pages use these words and no others.',
    '',
    '| reason | rule | what it says |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
