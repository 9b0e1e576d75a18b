import { freePort } from '@bgs/testkit/servers/free-port.ts'
import type { RealProcess } from './process.ts'
import type { RunFolder } from './run-folder.ts'

/** A PLC directory of the reference implementation, in memory. */
export interface RealPlc {
  readonly url: string
  readonly process: RealProcess
}

export async function startPlc(folder: RunFolder): Promise<RealPlc> {
  const port = await freePort()
  const process = await folder.start('plc.mjs', { PLC_PORT: String(port) })
  return { url: `http://localhost:${port}`, process }
}
