import { constants, fstatSync, openSync, writeSync } from 'node:fs'

/** Where lines go. `write` takes what it can at once: bytes taken, 0 where there is no room. Throws where it cannot write. */
export interface LogDescriptor {
  write(bytes: Uint8Array): number
}

/** Standard output, or a file given by its descriptor, so that a write never waits for whoever reads it. */
export function openDescriptor(fd = 1): LogDescriptor {
  const at = withoutWaiting(fd)
  return {
    write: (bytes) => {
      try {
        return writeSync(at, bytes)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
        throw error
      }
    },
  }
}

/**
 * A pipe or terminal is opened once more, for the flag that a write does not wait belongs to what was opened, and others may
 * have it open, too. Where that cannot be done (a socket, no /proc) Node's own stream sets the flag.
 */
function withoutWaiting(fd: number): number {
  const stats = fstatSync(fd)
  if (stats.isFile()) return fd
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
  try {
    if (!stats.isSocket()) return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    // Below.
  }
  // Whoever reads it may have gone: that is no fault of ours, and seen at the next write.
  process.stdout.on('error', () => undefined)
  return fd
}
