import type { Settings } from '@bgs/runtime/service/settings.ts'
import { PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import { expect, it } from 'vitest'
import { retentionBytes } from './retention.ts'

const TOTAL = 1_000_000
const AUTO = { RELAY_RETENTION_BYTES: undefined } as Settings

/** A disk on which nothing but the log takes space. */
class SmallDisk extends PowerLossDisk {
  used = 0

  override async space(): Promise<{ free: number; total: number }> {
    return { free: TOTAL - this.used, total: TOTAL }
  }

  async fill(name: string, bytes: number): Promise<void> {
    const file = await this.open(`log/${name}`)
    await file.write(Buffer.alloc(bytes), 0)
    await file.close()
    this.used += bytes
  }
}

it('half of a disk is the window, however much of it the log has taken already', async () => {
  const disk = new SmallDisk()
  expect(await retentionBytes(AUTO, disk, 'log')).toBe(TOTAL / 2)
  await disk.fill('0000004294967296.seg', 300_000)
  await disk.fill('0000004294968296.seg', 200_000)
  expect(await retentionBytes(AUTO, disk, 'log'), 'after a restart').toBe(TOTAL / 2)
  await disk.fill('of-something-else', 100_000)
  expect(await retentionBytes(AUTO, disk, 'log'), 'what others take counts').toBe(TOTAL / 2 - 50_000)
  expect(await retentionBytes({ RELAY_RETENTION_BYTES: 7 } as Settings, disk, 'log')).toBe(7)
})
