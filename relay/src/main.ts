import { enableCompileCache, flushCompileCache } from 'node:module'
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
import { join } from 'node:path'

// Node takes the types off each file at each start, in each thread. What it made of them is kept beside the packages,
// if that may be written: another start takes 0.6 of the CPU, and the process some 30 MB less.
const cache = join(import.meta.dirname, '../../node_modules/.cache/relay')
const FLUSH_AFTER_MS = 10_000
enableCompileCache(cache)
// For its threads, too.
process.env['NODE_COMPILE_CACHE'] ??= cache
// Else only an orderly end writes it.
setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref()
// Libraries (databases, Redis, fetch) try the addresses of a name one after another. As Node has it each gets 250 ms: a
// server further away than that would never be reached.
const ATTEMPT_MS = 2_500
setDefaultAutoSelectFamilyAttemptTimeout(ATTEMPT_MS)
const { runCommand } = await import('./command.ts')
const { endLookups } = await import('@bgs/runtime/net/strangers-names.ts')

process.exitCode = await runCommand(process.argv.slice(2), process.env)
endLookups()
