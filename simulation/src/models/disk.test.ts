import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import { logSuite } from '@bgs/testkit/log/log-suite.ts'
import { expect, it } from 'vitest'
import { running } from '../testing/running.ts'
import { Scheduler } from '../world/scheduler.ts'
import { SimProcess } from '../world/sim-process.ts'
import { SimDisk } from './disk.ts'

const HOUR_MS = 3_600_000

logSuite('segment files on the simulated disk', async () => {
  const scheduler = new Scheduler()
  const stop = running(scheduler)
  const disk = new SimDisk(() => 0.5)
  let nowMs = 1_000
  let generation = 0
  const open = () =>
    SegmentLog.open({
      folder: 'log',
      disk: disk.of(new SimProcess('relay', scheduler)),
      generation: ++generation,
      retentionMs: HOUR_MS,
      retentionBytes: 1024 * 1024,
      seenPosition: 0,
      clean: true,
      now: () => nowMs,
      segmentBytes: 1_000,
    })
  let log = await open()
  return {
    get log() {
      return log
    },
    reopen: async () => {
      await log.close()
      log = await open()
      return log
    },
    age: () => {
      nowMs += 2 * HOUR_MS
    },
    [Symbol.asyncDispose]: async () => {
      await log.close()
      stop()
    },
  }
})

it('of a write under way a kill leaves a part; of what was not synced a power loss may leave nothing', async () => {
  const scheduler = new Scheduler()
  const stop = running(scheduler)
  const disk = new SimDisk(() => 0)
  const process = new SimProcess('relay', scheduler)
  const file = await disk.of(process).open('log/a')
  await file.writeDurably(Buffer.from('durable'), 0)
  await file.write(Buffer.from('written'), 7)
  void file.write(Buffer.from('under way'), 14)
  process.kill()
  const found = async () => {
    const again = await disk.of(new SimProcess('relay', scheduler)).open('log/a')
    const bytes = Buffer.alloc(await again.size())
    await again.read(bytes, 0)
    return bytes.toString()
  }
  expect(await found()).toBe('durablewritten')
  disk.losePower()
  expect(await found()).toBe('durable')
  stop()
})
