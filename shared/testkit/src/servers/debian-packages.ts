import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { findCommand, runCommand, ServerMissingError } from './commands.ts'
import { alone } from './install-once.ts'

const INSTALL_MS = 10 * 60_000
/** Asked by every package before it starts a service; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d'
const FORBID = '#!/bin/sh\nexit 101\n'

/**
 * What `find` finds, if need be after installing the Debian packages. A package must not start a server on its
 * default port, where it would meet a server of the machine's owner: a policy forbids it for that time.
 */
export async function findOrInstall<T>(
  what: string,
  packages: readonly string[],
  find: () => T | undefined | Promise<T | undefined>,
  beforeInstall: () => Promise<void> = async () => {},
): Promise<T> {
  const found = await find()
  if (found !== undefined) return found
  const missing = `this test needs ${what}, which is not on this machine. On Debian: apt-get install ${packages.join(' ')}`
  if (findCommand(['apt-get']) === undefined || process.getuid?.() !== 0)
    throw new ServerMissingError(`${missing} (as root the test installs it itself)`)
  return alone('debian-packages', async () => {
    // Another process may have installed it while this one waited.
    const meanwhile = await find()
    if (meanwhile !== undefined) return meanwhile
    await aptGet(['update'], missing)
    await beforeInstall()
    await withoutServices(() => aptGet(['install', '-y', '--no-install-recommends', ...packages], missing))
    const installed = await find()
    if (installed === undefined) throw new ServerMissingError(`${missing}: installed, and still not found`)
    return installed
  })
}

/** Runs apt-get without questions. Throws with `missing` and the end of its output. */
async function aptGet(args: readonly string[], missing: string): Promise<void> {
  const { error, output } = await runCommand('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: INSTALL_MS,
  })
  if (error !== null)
    throw new ServerMissingError(`${missing}\napt-get ${args.join(' ')} failed: ${output.slice(-4_000)}`, {
      cause: error,
    })
}

async function withoutServices(install: () => Promise<void>): Promise<void> {
  // Containers often have one already: then it stays.
  const mine = !existsSync(POLICY)
  if (mine) await writeFile(POLICY, FORBID, { mode: 0o755 })
  try {
    await install()
  } finally {
    if (mine) await rm(POLICY, { force: true })
  }
}
