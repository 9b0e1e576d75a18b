import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { CLUSTER_CRASH_POINTS, CRASH_POINTS } from './crash-point.ts'
import { createLogger } from './logger.ts'
import { Notify } from './notify.ts'
import { Supervisor } from './supervisor.ts'
import { wait } from './wait.ts'

const never = new AbortController().signal
const LONG = 60_000

describe('Notify', () => {
  it('wakes who waits, and keeps a ring for who does not yet', async () => {
    const notify = new Notify()
    const waiting = notify.wait(LONG, never)
    notify.notify()
    await waiting
    notify.notify()
    notify.notify()
    await notify.wait(LONG, never)
    let woken = false
    const next = notify.wait(LONG, never).then(() => {
      woken = true
    })
    await turn()
    expect(woken).toBe(false)
    notify.notify()
    await next
  })

  it('ends after its time, and when aborted, before and during', async () => {
    const notify = new Notify()
    await notify.wait(1, never)
    const stop = new AbortController()
    const waiting = notify.wait(LONG, stop.signal)
    stop.abort()
    await waiting
    await notify.wait(LONG, stop.signal)
  })

  it('a ring from an ended wait does not wake the next one twice', async () => {
    const notify = new Notify()
    await notify.wait(1, never)
    notify.notify()
    await notify.wait(LONG, never)
    let woken = false
    notify.wait(20, never).then(
      () => {
        woken = true
      },
      () => undefined,
    )
    await turn()
    expect(woken).toBe(false)
  })
})

it('wait ends at once when aborted', async () => {
  const stop = new AbortController()
  const waiting = wait(LONG, stop.signal)
  stop.abort()
  await waiting
  await wait(LONG, stop.signal)
})

describe('Supervisor', () => {
  it('tells of the first fault, and stops when all tasks have ended', async () => {
    const supervisor = new Supervisor(createLogger('silent'))
    const ended: string[] = []
    supervisor.run(
      'loop',
      wait(LONG, supervisor.signal).then(() => ended.push('loop')),
    )
    supervisor.run('bad', Promise.reject(new Error('first')))
    await expect(supervisor.fault).rejects.toThrow('first')
    supervisor.fail(new Error('second'))
    await expect(supervisor.fault).rejects.toThrow('first')
    expect(ended).toEqual([])
    await supervisor.stop()
    expect(ended).toEqual(['loop'])
  })
})

it('style 23: every crash point that is declared is used in one place, and none that is not', () => {
  const root = join(import.meta.dirname, '../../../..')
  const used: string[] = []
  for (const stage of ['shared', 'crawler', 'verifier', 'sequencer', 'fanout', 'relay']) {
    for (const name of readdirSync(join(root, stage), { recursive: true, encoding: 'utf8' })) {
      if (name.includes('node_modules') || !name.endsWith('.ts') || name.endsWith('.test.ts')) continue
      const text = readFileSync(join(root, stage, name), 'utf8')
      used.push(...[...text.matchAll(/\bcrashPoint\('([a-z-]+)'\)/g)].map((match) => match[1] as string))
    }
  }
  expect(used.toSorted()).toEqual([...CRASH_POINTS, ...CLUSTER_CRASH_POINTS].toSorted())
})
