import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Waits for the end of its input, which comes when the test process ends in any way. */
const SCRIPT = `cat >/dev/null
kill -STOP "$1" && kill -KILL $(cat "/proc/$1/task/$1/children") "$1"
[ -z "$2" ] || rm -rf -- "$2"`

/**
 * Kills the process `pid` with its children and removes `folder`, where one is named, should this process end without
 * having called what is returned: no server, relay or data of a test survives it, be it killed with SIGKILL.
 */
export function watchOver(pid: number, folder: string): () => void {
  const dog = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  dog.unref()
  // A pipe to a child is a socket, which would keep this process alive.
  const pipe = dog.stdin as unknown as Socket
  pipe.unref()
  return () => {
    dog.kill('SIGKILL')
  }
}
