import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
/** What runs in the world: the relay's stages, and what they are built of. */
const PRODUCT =
  '{crawler,verifier,sequencer,fanout,api,relay,shared/{contract,runtime,protocol,cluster,database,embedded}}/src/**/*.ts'
/** Modules for which the world has no stand-in: files, threads, other processes, datagrams. */
const BEYOND = /from 'node:(?:fs|fs\/promises|worker_threads|child_process|cluster|dgram|repl|vm)'/

/** Who may go past the world, and why that changes no run. */
const ALLOWED: Readonly<Record<string, string>> = {
  'relay/src/machine.ts': 'is what is handed in on a real machine',
  'shared/embedded/src/log/disk.ts': 'is what is handed in on a real machine',
  'shared/database/src/sqlite.ts': 'is what is handed in on a real machine',
  'shared/database/src/sqlite-worker.ts': 'is what is handed in on a real machine',
  'shared/runtime/src/net/name-servers.ts': 'looks of names, which the world answers itself',
  'shared/runtime/src/net/hosts-file.ts': 'looks of names, which the world answers itself',
  'shared/runtime/src/net/machine-names.ts': 'looks of names, which the world answers itself',
  'shared/runtime/src/service/log-descriptor.ts': 'the log of a command; a run has a logger of its own',
  'shared/runtime/src/service/log-counts.ts': 'what threads share',
  'shared/runtime/src/service/descriptors.ts': 'how many files this process may open: always enough there',
  'verifier/src/verify/worker.ts': 'a run has no threads (RELAY_VERIFIER_THREADS=0)',
  'verifier/src/verify/pool.ts': 'a run has no threads (RELAY_VERIFIER_THREADS=0)',
  'fanout/src/serve/port-rpc.ts': 'a run has no threads (RELAY_FANOUT_THREADS=0)',
  'fanout/src/serve/threaded-server.ts': 'a run has no threads (RELAY_FANOUT_THREADS=0)',
  'fanout/src/serve/thread.ts': 'a run has no threads (RELAY_FANOUT_THREADS=0)',
  'fanout/src/serve/serve-following.ts': 'a run has no threads (RELAY_FANOUT_THREADS=0)',
  'relay/src/audit/main.ts': 'a command of its own',
  'relay/src/begin-anew.ts': 'a command of its own',
  'relay/src/conformance/main.ts': 'a command of its own',
  'relay/src/cli/run-operator-command.ts': 'a command of its own',
  'relay/src/migrate.ts': 'a command of its own',
  'relay/src/invariants-doc.ts': 'writes documents',
  'relay/src/write-docs.ts': 'writes documents',
}

it('no other part of the product reaches files, threads or processes by itself: hand it in, as Machine does', () => {
  const found = globSync(PRODUCT, { cwd: ROOT })
    .filter((path) => !path.endsWith('.test.ts') && !path.includes('/testing/'))
    .filter((path) => BEYOND.test(readFileSync(join(ROOT, path), 'utf8')))
    .sort()
  expect(found).toEqual(Object.keys(ALLOWED).sort())
})
