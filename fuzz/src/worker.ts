import { parentPort, workerData } from 'node:worker_threads'
import { CurrentInput } from './current-input.ts'
import { type Budget, runTarget } from './run-target.ts'
import { TARGETS, type TargetName } from './targets.ts'

/** What a run in a thread of its own is given. */
export interface WorkerStart {
  readonly name: TargetName
  readonly seed: number
  readonly budget: Budget
  readonly current: SharedArrayBuffer
}

if (parentPort === null) throw new Error('runs in a worker thread')
const { name, seed, budget, current } = workerData as WorkerStart
const now = new CurrentInput(current)
const target = await TARGETS[name]()
const report = await runTarget(target, seed, budget, (input) => now.set(input))
parentPort.postMessage(report)
await target[Symbol.asyncDispose]()
