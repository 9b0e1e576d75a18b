import { chownSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The temporary folder of a server's data, settings and log. */
export interface ServerFolder extends AsyncDisposable {
  readonly path: string
}

export function createServerFolder(name: string, owner?: { uid: number; gid: number }): ServerFolder {
  const path = mkdtempSync(join(tmpdir(), `bgs-${name}-`))
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
