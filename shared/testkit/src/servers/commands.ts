import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A server that a test needs is not on this machine and could not be brought here; the message says what to do. */
export class ServerMissingError extends Error {
  override name = 'ServerMissingError'
}

/** Full path of the first of `names` found on the PATH or in one of the `further` folders. */
export function findCommand(names: readonly string[], further: readonly string[] = []): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...further]
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {}
    }
  }
  return undefined
}

export interface CommandResult {
  readonly error: Error | null
  readonly output: string
}

/** Runs a command to its end. Never rejects: what the caller says about a failure is better than what this could. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number; gid?: number; timeout?: number } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(file, args, { ...options, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ error, output: stdout + stderr }),
    )
  })
}
