import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configDoc, envExample } from '@bgs/runtime/service/config.ts'
import { expect, it } from 'vitest'
import { adminDoc } from './admin-doc.ts'
import { commandsDoc } from './commands-doc.ts'
import { invariantsDoc } from './invariants-doc.ts'
import { metricsDoc } from './metrics-doc.ts'
import { reasonsDoc } from './reasons-doc.ts'

const root = join(import.meta.dirname, '../..')

/** Without what the formatter adds to tables. */
const bare = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/\| ?-{3,} ?(?=\|)/g, '|---')

it.each([
  ['docs/config.md', configDoc],
  ['.env.example', envExample],
  ['docs/reasons.md', reasonsDoc],
  ['docs/admin-api.md', adminDoc],
  ['docs/commands.md', commandsDoc],
  ['docs/metrics.md', metricsDoc],
  ['INVARIANTS.md', invariantsDoc],
])('%s is what the code says: else `npm run docs`', (name, make) => {
  expect(bare(readFileSync(join(root, name), 'utf8'))).toBe(bare(make()))
})
