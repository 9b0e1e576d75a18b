import { ADVICE } from '@bgs/protocol/reasons/advice.ts'
import { REASONS, type Reason } from '@bgs/protocol/reasons/reason.ts'

/** Contents of docs/reasons.md. */
export function reasonsDoc(): string {
  const rows = Object.entries(REASONS).map(
    ([name, { rule, text }]) => `| ${name} | ${rule} | ${text} | ${ADVICE[name as Reason]} |`,
  )
  return [
    '# Why a frame was refused',
    '',
    'Made from shared/protocol/src/reasons/reason.ts by `npm run docs`. Metrics, logs and pages use these words and no others. The',
    'column "rule" has the numbers of [protocol.md](protocol.md), which says what each rule asks for.',
    '',
    '| reason | rule | what it says | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
