import { Worker } from 'node:worker_threads'
import { CurrentInput } from './current-input.ts'
import type { Budget, RunReport } from './run-target.ts'
import type { TargetName } from './targets.ts'
import type { WorkerStart } from './worker.ts'

/** A thread that is at one input for so long does not come back from it. */
const HANG_MS = 20_000
const LOOK_EVERY_MS = 1_000

/** Runs a target in a thread of its own: an input that it hangs at, or dies of, is a failure like any other. */
export async function watchedRun(name: TargetName, seed: number, budget: Budget): Promise<RunReport> {
  const current = new CurrentInput()
  const start: WorkerStart = { name, seed, budget, current: current.memory }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: start })
  const ended = Promise.withResolvers<RunReport>()
  const fail = (message: string) =>
    ended.resolve({
      inputs: current.count,
      verdicts: {},
      slowestMicros: 0,
      slowestBytes: 0,
      grownMiB: 0,
      failure: { message, input: Buffer.from(current.bytes).toString('base64') },
    })
  worker.on('message', ended.resolve)
  worker.on('error', (error) => fail(`the thread died: ${(error as Error).message}`))
  worker.on('exit', () => fail('the thread ended'))
  let seen = 0
  let sinceMs = performance.now()
  const watch = setInterval(() => {
    if (current.count !== seen) {
      seen = current.count
      sinceMs = performance.now()
    } else if (performance.now() - sinceMs > HANG_MS) fail(`hangs for ${HANG_MS} ms`)
  }, LOOK_EVERY_MS)
  try {
    return await ended.promise
  } finally {
    clearInterval(watch)
    worker.removeAllListeners('exit')
    await worker.terminate()
  }
}
