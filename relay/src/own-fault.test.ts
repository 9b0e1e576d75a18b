import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { KafkaError } from '@bgs/cluster/kafka/kafka-error.ts'
import { LogFencedError } from '@bgs/contract/log/log.ts'
import { StartupError } from '@bgs/contract/startup-error.ts'
import { expect, it } from 'vitest'
import { isOwnFault } from './own-fault.ts'

const thrown = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

it('invariant 14: what the code throws may be an event’s fault; a disk, a server or a setting is not', async () => {
  const missing = await open('/nonexistent/file').catch((error: unknown) => error)
  const database = thrown(() => new DatabaseSync(':memory:').exec('SELECT nothing'))
  const own = [
    new TypeError('x'),
    thrown(() => Buffer.alloc(4).writeUInt8(300, 0)),
    new Error('of the judges'),
  ]
  const others = [
    missing,
    database,
    new KafkaError('DISCONNECTED', 'gone'),
    new Error('the log cannot be written', { cause: missing }),
    new StartupError('not so'),
    new LogFencedError('another writes'),
  ]
  expect(own.map(isOwnFault)).toEqual([true, true, true])
  expect(others.map(isOwnFault)).toEqual([false, false, false, false, false, false])
})
