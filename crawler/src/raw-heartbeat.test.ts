import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { until } from '@bgs/testkit/until.ts'
import { expect, it } from 'vitest'
import type { InFlight } from './cursor-tracker.ts'
import { sendRawHeartbeats } from './raw-heartbeat.ts'

it('goes through every partition, one at a time, and only where frames of hosts would', async () => {
  const sent: { partition: number; token: InFlight }[] = []
  let room: Promise<void> | undefined
  const raw = {
    publish: (partition: number, value: RawEnvelope, _bytes: number, token: InFlight) => {
      expect(value).toMatchObject({ isHeartbeat: true, did: '', host: '' })
      sent.push({ partition, token })
    },
    room: () => room,
  }
  const stop = new AbortController()
  const sending = sendRawHeartbeats(raw, 3, stop.signal, 2)
  await until('the first of each', () => sent.length === 3)
  expect(sent.map(({ partition }) => partition)).toEqual([0, 1, 2])
  const [, second] = sent
  second?.token.tracker.finish(second.token)
  await until('another one through the partition that is free', () => sent.length === 4)
  expect(sent[3]?.partition).toBe(1)
  room = Promise.resolve()
  for (const { token } of sent) token.tracker.finish(token)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(sent).toHaveLength(4)
  room = undefined
  await until('all again', () => sent.length >= 7)
  stop.abort()
  await sending
})
