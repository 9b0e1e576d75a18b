import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { expect, it } from 'vitest'
import { DirectoryReach } from './directory-reach.ts'

it('asks the directory only while there is doubt, and stands still once it is asked in vain for a while', async () => {
  let nowMs = 0
  let isDoubted = false
  const plc = await PlcDirectory.start()
  const plcUrl = plc.url
  const reach = new DirectoryReach({ plcUrl, userAgent: 'test', isDoubted: () => isDoubted }, () => nowMs)
  const after = async (ms: number) => {
    nowMs += ms
    await reach.look()
    return { stillMs: reach.stillMs, workedAgoMs: reach.workedAgoMs }
  }
  expect(await after(60_000), 'not asked').toEqual({ stillMs: 0, workedAgoMs: 60_000 })
  isDoubted = true
  expect(await after(1_000), 'it answers').toEqual({ stillMs: 0, workedAgoMs: 0 })
  // Whatever is wrong with it is wrong for all who ask.
  plc.setGlobalFault({ kind: 'error', status: 503 })
  expect(await after(1_000)).toEqual({ stillMs: 0, workedAgoMs: 0 })
  await plc.close()
  expect(await after(1_000)).toEqual({ stillMs: 0, workedAgoMs: 1_000 })
  isDoubted = false
  expect(await after(5_000), 'a moment').toEqual({ stillMs: 0, workedAgoMs: 6_000 })
  expect(await after(1)).toEqual({ stillMs: 5_001, workedAgoMs: 6_001 })
  expect(reach.detail).toContain('the directory cannot be reached')
  const again = await PlcDirectory.start({ port: Number(new URL(plcUrl).port) })
  expect(await after(1_000)).toEqual({ stillMs: 0, workedAgoMs: 0 })
  await again.close()
})
