import { readFileSync } from 'node:fs'

/** CPU seconds of a process so far, user and system, all threads. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime and stime, in ticks of which Linux has 100 a second.
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Resident memory of a process, bytes. */
export function rssOf(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

/** Highest resident memory of a process so far, bytes. */
export function peakRssOf(pid: number): number {
  return statusBytes(pid, 'VmHWM')
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
}
