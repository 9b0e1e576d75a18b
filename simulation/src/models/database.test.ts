import { FencedError } from '@bgs/contract/database.ts'
import { expect, it } from 'vitest'
import { running } from '../testing/running.ts'
import { Scheduler } from '../world/scheduler.ts'
import { SimProcess } from '../world/sim-process.ts'
import { SimDatabase } from './database.ts'

const MOVE = 'UPDATE view SET position = $2 WHERE id = 1 AND position = $1'
const POSITION = 'SELECT position FROM view'

it('answers in the order in which it was asked, and as the real one does', async () => {
  const scheduler = new Scheduler()
  const stop = running(scheduler)
  const database = new SimDatabase(Math.random).of(new SimProcess('relay', scheduler))
  const moves = [0, 1, 2].map((at) => database.transaction([{ sql: MOVE, rows: [[at, at + 1]], expect: 1 }]))
  expect(await database.query(POSITION)).toMatchObject([{ position: 3 }])
  expect(await Promise.all(moves)).toEqual([[1], [1], [1]])
  await expect(database.transaction([{ sql: MOVE, rows: [[0, 9]], expect: 1 }])).rejects.toThrow(FencedError)
  stop()
})

it('what was committed stays, whoever is killed before the answer; what was not asked yet never happens', async () => {
  const scheduler = new Scheduler()
  const model = new SimDatabase(() => 0.5)
  const victim = new SimProcess('relay', scheduler)
  const told: string[] = []
  const moved = (from: number) =>
    model
      .of(victim)
      .transaction([{ sql: MOVE, rows: [[from, from + 1]], expect: 1 }])
      .then(() => told.push(`moved from ${from}`))
  model.latencyMs = 100
  // There after 50 ms, the answer back after 25 more.
  void moved(0)
  scheduler.at(60, () => {
    void moved(1)
    victim.kill()
  })
  const stop = running(scheduler)
  const other = model.of(new SimProcess('another', scheduler))
  expect(await other.query(POSITION)).toMatchObject([{ position: 1 }])
  expect(await other.query(POSITION)).toMatchObject([{ position: 1 }])
  expect(told).toEqual([])
  stop()
})
