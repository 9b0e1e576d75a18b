import { type Disk, type DiskFile, nodeDisk } from '@bgs/embedded/log/disk.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sendHeartbeats } from './heartbeat.ts'
import { envelope } from './testing/envelopes.ts'
import { kinds, Scene, tempFolder } from './testing/scene.ts'

let folder: Awaited<ReturnType<typeof tempFolder>>
beforeEach(async () => {
  folder = await tempFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

describe('a heartbeat', () => {
  it('goes all the way to the view, and is an entry that nobody is sent', async () => {
    await using scene = await Scene.open(folder.path)
    const before = scene.view.position
    scene.sendControl({ kind: 'heartbeat' })
    await scene.settled()
    expect(await kinds(scene.log)).toEqual(['quiet'])
    await until('the view to be written', () => scene.view.position > before)
    const [batch] = await scene.log.read(scene.log.bounds().first, 1 << 20)
    expect(batch?.framesBytes).toBe(0)
    // What a heartbeat costs: some 700 KB a day.
    expect(batch?.bytes.length).toBeLessThan(64)
  })

  it('through raw is noted, and leaves nothing behind', async () => {
    await using scene = await Scene.open(folder.path)
    expect(scene.ages.raw).toBeUndefined()
    const beat = { ...envelope('#identity', { did: '', host: '' }), isHeartbeat: true }
    scene.offer([beat])
    await scene.settled()
    expect(scene.ages.raw).toBeLessThan(1_000)
    expect(await kinds(scene.log)).toEqual([])
    await scene.rejections.save()
    expect(await scene.database.query('SELECT * FROM refusals')).toEqual([])
  })

  it('shows that the way is blocked while nothing fails', async () => {
    let blocked: PromiseWithResolvers<void> | undefined
    await using scene = await Scene.open(folder.path, { disk: slowDisk(() => blocked?.promise) })
    scene.sendControl({ kind: 'heartbeat' })
    await scene.settled()
    blocked = Promise.withResolvers()
    scene.sendControl({ kind: 'heartbeat' })
    await until('the log to fall behind', () => scene.ages.log > 300)
    // It was taken, and is not in the log.
    expect(scene.ages.control).toBeLessThan(scene.ages.log + 50)
    scene.sendControl({ kind: 'heartbeat' })
    await until('control to stand still, too', () => scene.ages.control > 300)
    blocked.resolve()
    blocked = undefined
    await scene.settled()
    expect(scene.ages.log).toBeLessThan(300)
    await until('the view to follow', () => scene.ages.view < 300)
  })

  it('is said once at a time, however long it takes', async () => {
    const stop = new AbortController()
    const sent: (() => void)[] = []
    const control = {
      publish: (_partition: number, _message: object, _bytes: number, done: () => void) => {
        sent.push(done)
      },
      room: () => undefined,
    }
    const sending = sendHeartbeats(control, stop.signal, 5)
    await until('the first', () => sent.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(sent).toHaveLength(1)
    sent[0]?.()
    await until('the next', () => sent.length === 2)
    stop.abort()
    await sending
  })
})

/** A disk whose durable writes wait for a promise. */
function slowDisk(wait: () => Promise<void> | undefined): Disk {
  const open = async (path: string): Promise<DiskFile> => {
    const file = await nodeDisk.open(path)
    const write = file.writeDurably.bind(file)
    file.writeDurably = async (bytes, position) => {
      await wait()
      await write(bytes, position)
    }
    return file
  }
  return { ...nodeDisk, open }
}
