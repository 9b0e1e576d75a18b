import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { DataLock, LockedError } from '@bgs/database/lock.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

/** Written last: with it the folder is complete. */
const MARKER = 'installed'
const LOOK_EVERY_MS = 100

/**
 * The folder `name` in a cache outside the tree, filled by `install` once on this machine: of two test processes
 * one installs and the other waits. What an installation that failed has left is removed before the next one.
 */
export async function installOnce(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name)
  const marker = join(folder, MARKER)
  if (existsSync(marker)) return folder
  await alone(name, async () => {
    if (existsSync(marker)) return
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    await install(folder)
    await writeFile(marker, '')
  })
  return folder
}

/** Runs `step` while no other process of this user is in the step of that name. */
export async function alone<T>(name: string, step: () => Promise<T>): Promise<T> {
  const folder = join(cacheFolder(), `${name}.lock`)
  await mkdir(folder, { recursive: true })
  const lock = await take(folder)
  try {
    return await step()
  } finally {
    lock.release()
  }
}

async function take(folder: string): Promise<DataLock> {
  for (;;) {
    try {
      return DataLock.take(folder)
    } catch (error) {
      // Released by the operating system however its owner ends: this wait needs no deadline but the test's.
      if (!(error instanceof LockedError)) throw error
      await wait(LOOK_EVERY_MS)
    }
  }
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bgs')
}
