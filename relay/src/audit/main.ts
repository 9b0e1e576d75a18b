import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkAudit, readAllowed } from './check-audit.ts'

/**
 * `npm run audit`: the advisories of npm's registry for what production depends on, against audit-allow.json. Exit code
 * 0: none, or all allowed; 1: one that is not, or not any longer; 2: the registry does not say.
 */
const ROOT = join(import.meta.dirname, '../../..')
const AUDIT_MS = 120_000

const print = (line: string) => process.stdout.write(`${line}\n`)
const list = readAllowed(readFileSync(join(ROOT, 'audit-allow.json'), 'utf8'))
const { stdout, error } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: ROOT,
  encoding: 'utf8',
  timeout: AUDIT_MS,
})
const verdict = checkAudit(parsed(stdout), list, new Date().toISOString().slice(0, 10))
if (verdict.kind === 'no-report') {
  print(`the registry does not say: ${error?.message ?? verdict.why}`)
  print(
    '`npm config get registry` has to name one with an audit endpoint, such as https://registry.npmjs.org',
  )
  process.exitCode = 2
} else {
  const { open, expired, allowed, unused } = verdict
  for (const { id, package: name, severity, title, url } of open)
    print(`NOT ALLOWED  ${id} ${name} (${severity}): ${title} ${url}`)
  for (const { id, package: name, until, why } of expired)
    print(`EXPIRED      ${id} ${name}, ${until}: ${why}`)
  for (const { id, package: name, until, why } of allowed)
    print(`allowed      ${id} ${name} until ${until}: ${why}`)
  for (const { id } of unused) print(`unused       ${id}: take it out of audit-allow.json`)
  print(`${open.length} not allowed, ${expired.length} expired, ${allowed.length} allowed`)
  process.exitCode = open.length + expired.length === 0 ? 0 : 1
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
