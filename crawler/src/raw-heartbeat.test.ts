import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { until } from '@bgs/testkit/until.ts'
import { expect, it } from 'vitest'
import type { InFlight } from './cursor-tracker.ts'
import { sayRawHeartbeats } from './raw-heartbeat.ts'

it('goes through every partition, one at a time, and only where frames of hosts would', async () => {
  const said: { partition: number; token: InFlight }[] = []
  let room: Promise<void> | undefined
  const raw = {
    publish: (partition: number, value: RawEnvelope, _bytes: number, token: InFlight) => {
      expect(value).toMatchObject({ isHeartbeat: true, did: '', host: '' })
      said.push({ partition, token })
    },
    room: () => room,
  }
  const stop = new AbortController()
  const saying = sayRawHeartbeats(raw, 3, stop.signal, 2)
  await until('the first of each', () => said.length === 3)
  expect(said.map(({ partition }) => partition)).toEqual([0, 1, 2])
  const [, second] = said
  second?.token.tracker.finish(second.token)
  await until('another one through the partition that is free', () => said.length === 4)
  expect(said[3]?.partition).toBe(1)
  room = Promise.resolve()
  for (const { token } of said) token.tracker.finish(token)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(said).toHaveLength(4)
  room = undefined
  await until('all again', () => said.length >= 7)
  stop.abort()
  await saying
})
