import { describe, expect, it } from 'vitest'
import { type FanoutRun, furtherDeliveryMicros, summary } from './fanout.ts'

const run = (subscribers: number, rate: number | null, relayMicrosPerEvent: number): FanoutRun => ({
  subscribers,
  rate,
  events: 12_000,
  frameBytes: 2_500,
  eventsPerSecond: rate ?? 6_000,
  deliveriesPerSecond: (rate ?? 6_000) * subscribers,
  relayMicrosPerEvent,
  relayMicrosPerDelivery: relayMicrosPerEvent / subscribers,
  hostsMicrosPerEvent: 20,
  readersMicrosPerDelivery: 1,
  otherCores: 0,
  exact: true,
})

describe('a further delivery', () => {
  it('is what all subscribers but the first cost, for each of them', () => {
    expect(furtherDeliveryMicros(run(1, 2_000, 200), run(101, 2_000, 380))).toBe(1.8)
  })

  it('is not told of rows that are not one against several', () => {
    expect(() => furtherDeliveryMicros(run(2, 2_000, 200), run(100, 2_000, 380))).toThrow(RangeError)
    expect(() => furtherDeliveryMicros(run(1, 2_000, 200), run(1, 2_000, 380))).toThrow(RangeError)
  })

  it('is reckoned against one subscriber at the same rate, from medians', () => {
    const runs = [
      ...[190, 200, 900].map((micros) => run(1, 2_000, micros)),
      ...[100, 100, 100].map((micros) => run(1, null, micros)),
      ...[380, 10, 390].map((micros) => run(101, 2_000, micros)),
      ...[400, 400, 400].map((micros) => run(101, null, micros)),
    ]
    expect(summary(runs).rows).toMatchObject([
      { subscribers: 1, rate: 2_000, relayMicrosPerEvent: 200 },
      { subscribers: 1, rate: null, relayMicrosPerEvent: 100 },
      { subscribers: 101, rate: 2_000, furtherDeliveryMicros: 1.8 },
      { subscribers: 101, rate: null, furtherDeliveryMicros: 3 },
    ])
  })
})
