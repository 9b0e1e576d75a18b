import { logSuite } from '@bgs/testkit/log/log-suite.ts'
import { PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import { SegmentLog } from './segment-log.ts'

logSuite('segment files', async () => {
  const disk = new PowerLossDisk()
  let nowMs = Date.now()
  let generation = 0
  const open = () =>
    SegmentLog.open({
      folder: 'log',
      disk,
      generation: ++generation,
      retentionMs: 3_600_000,
      retentionBytes: 2 ** 40,
      seenPosition: 0,
      clean: true,
      segmentBytes: 2_048,
      now: () => nowMs,
    })
  let log = await open()
  return {
    get log() {
      return log
    },
    reopen: async () => {
      log = await open()
      return log
    },
    age: () => {
      nowMs += 7_200_000
    },
    [Symbol.asyncDispose]: () => log.close(),
  }
})
