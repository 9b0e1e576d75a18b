import { keepingLogger, type LogLine } from '@bgs/testkit/log-lines.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { ServerHealth } from './server-health.ts'

let nowMs: number
let health: ServerHealth
let lines: LogLine[]
beforeEach(() => {
  nowMs = 1_000_000
  const kept = keepingLogger()
  lines = kept.lines
  health = new ServerHealth('Kafka', kept.logger, () => nowMs)
})

const failsFor = (ms: number) => {
  health.failed(new Error('no leader'))
  for (let i = 0; i < 10; i++) {
    nowMs += ms / 10
    health.failed(new Error('no leader'))
  }
}

describe('whether a server answers', () => {
  it('is not worth a word for a moment', () => {
    failsFor(990)
    expect(health.trouble).toBeUndefined()
    health.ok()
    nowMs += 5_000
    expect(health.trouble).toBeUndefined()
    expect(lines).toEqual([])
  })

  it('is said once when it does not, with why, and once when it does again', () => {
    failsFor(3_400)
    expect(health.trouble).toBe('Kafka does not answer for 3 s: no leader')
    expect(lines).toMatchObject([{ level: 'warn', server: 'Kafka', err: { message: 'no leader' } }])
    health.ok()
    health.ok()
    expect(health.trouble).toBeUndefined()
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatchObject({ level: 'info', server: 'Kafka', awayMs: 3_400 })
    failsFor(2_000)
    expect(lines, 'the next time is told again').toHaveLength(3)
  })

  it('is told by the last failure, whatever was thrown', () => {
    failsFor(1_500)
    health.failed('in words')
    expect(health.trouble).toContain('in words')
  })

  it('is in trouble by the time that passes, also where nobody asks again', () => {
    health.failed(new Error('gone'))
    expect(health.trouble).toBeUndefined()
    nowMs += 60_000
    expect(health.trouble).toBe('Kafka does not answer for 60 s: gone')
  })
})
