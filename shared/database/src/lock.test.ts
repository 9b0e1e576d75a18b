import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DataLock, LockedError } from './lock.ts'

const HOLDER = fileURLToPath(new URL('../../testkit/src/lock-holder.ts', import.meta.url))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relay-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the lock of the data folder (invariant 9)', () => {
  it('gives each holder a higher generation, and tells a proper end', () => {
    for (const generation of [1, 2, 3]) {
      const lock = DataLock.take(folder)
      expect([lock.generation, lock.clean]).toEqual([generation, true])
      lock.release()
    }
  })

  it('is refused while another process holds it, and free when that was killed, which is no proper end', async () => {
    const holder = spawn(process.execPath, [HOLDER, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(holder, 'exit')
    const [output] = (await once(holder.stdout, 'data')) as [Buffer]
    expect(output.toString()).toBe('1\n')
    expect(() => DataLock.take(folder)).toThrow(LockedError)
    expect(() => DataLock.take(folder), 'a refusal changes nothing').toThrow(LockedError)
    holder.kill('SIGKILL')
    await ended
    const lock = DataLock.take(folder)
    expect([lock.generation, lock.clean]).toEqual([2, false])
    lock.release()
    const next = DataLock.take(folder)
    expect([next.generation, next.clean]).toEqual([3, true])
    next.release()
  })
})
