import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
import { beginAnew, loadAll, PREPARE } from './begin-anew.ts'

const args = process.argv.slice(2)
if (args[0] === PREPARE) {
  await loadAll()
  process.exit(0)
}
beginAnew(args, process.env)

// Libraries (databases, Redis, fetch) try the addresses of a name one after another. As Node has it each gets 250 ms: a
// server further away than that would never be reached.
const ATTEMPT_MS = 2_500
setDefaultAutoSelectFamilyAttemptTimeout(ATTEMPT_MS)
const { keepCompiled } = await import('@bgs/runtime/service/compile-cache.ts')
const { runCommand } = await import('./command.ts')
const { endLookups } = await import('@bgs/runtime/net/strangers-names.ts')

keepCompiled()
process.exitCode = await runCommand(args, process.env)
endLookups()
