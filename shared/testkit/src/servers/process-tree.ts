import { readdirSync, readFileSync } from 'node:fs'

/**
 * Sends a signal to a process and its children. A group would not do: each of PostgreSQL's backends leads one of its
 * own. The parent is stopped before its children are listed, so that it has no new one meanwhile.
 */
export function signalTree(pid: number, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
  if (signal !== 'SIGCONT') send(pid, 'SIGSTOP')
  for (const child of childrenOf(pid)) send(child, signal)
  if (signal !== 'SIGSTOP') send(pid, signal)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === parent)
    .map(Number)
}

function parentOf(pid: string): number {
  try {
    // "pid (name) state ppid …", where the name may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return 0
  }
}
