import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

/** Why a line of the log was left out: too many of its kind, a reader that does not read, an output that cannot be written. */
export const LOG_LOSSES = ['rate', 'full', 'unwritable'] as const
export type LogLoss = (typeof LOG_LOSSES)[number]

const KEY = 'relay log losses'

/** Counts of the whole process: a thread that is begun later finds the memory of the one that begins it. */
function counts(): BigInt64Array {
  let memory = getEnvironmentData(KEY) as SharedArrayBuffer | undefined
  if (memory === undefined) {
    memory = new SharedArrayBuffer(LOG_LOSSES.length * BigInt64Array.BYTES_PER_ELEMENT)
    setEnvironmentData(KEY, memory)
  }
  return new BigInt64Array(memory)
}

/** Counts lines that were left out. */
export function countLost(loss: LogLoss, lines: number): void {
  Atomics.add(counts(), LOG_LOSSES.indexOf(loss), BigInt(lines))
}

/** Lines that all threads of this process have left out since it began. */
export function linesLost(loss: LogLoss): number {
  return Number(Atomics.load(counts(), LOG_LOSSES.indexOf(loss)))
}
