import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configDoc, envExample } from '@bgs/runtime/service/config.ts'
import { adminDoc } from './admin-doc.ts'
import { commandsDoc } from './commands-doc.ts'
import { invariantsDoc } from './invariants-doc.ts'
import { metricsDoc } from './metrics-doc.ts'
import { reasonsDoc } from './reasons-doc.ts'

/** Writes what is made from the code: docs/*.md as far as they are lists, .env.example, the tests in INVARIANTS.md. */
const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
writeFileSync(at('docs/config.md'), configDoc())
writeFileSync(at('.env.example'), envExample())
writeFileSync(at('docs/reasons.md'), reasonsDoc())
writeFileSync(at('docs/admin-api.md'), adminDoc())
writeFileSync(at('docs/commands.md'), commandsDoc())
writeFileSync(at('docs/metrics.md'), metricsDoc())
writeFileSync(at('INVARIANTS.md'), invariantsDoc())
