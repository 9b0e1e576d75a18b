import { execFile } from 'node:child_process'
import { isIP } from 'node:net'

/** A question takes so long at most; what asks it is ended then. */
const TIMEOUT_MS = 5_000
const MAX_OUTPUT_BYTES = 64 * 1024

/**
 * Addresses of a name as this machine knows it: search domains, mDNS, whatever nsswitch.conf says. Asked by a process of
 * its own, `getent`, which can be ended: Node's own question would hold one of the few threads that all look-ups share.
 * Rejects where there is none, or no getent.
 */
export function machineAddresses(name: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const
    execFile('getent', ['ahosts', '--', name], options, (error, output) => {
      const found = output.split('\n').map((line) => line.split(' ')[0] ?? '')
      const addresses = [...new Set(found)].filter((address) => isIP(address) !== 0)
      if (addresses.length > 0) resolve(addresses)
      else reject(error ?? new Error(`getent knows no address of ${name}`))
    })
  })
}
