import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FIRST_SEQ, type LogReader } from '@bgs/contract/log/log.ts'
import { batchBytes, LogBatch, writeBatch } from '@bgs/contract/log/log-batch.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import { entryOf, readAll } from '@bgs/testkit/log-entries.ts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Takedowns } from '../takedowns.ts'
import { LogReplica } from './log-replica.ts'
import { ThreadFeed } from './thread-feed.ts'

let folder: string
let log: SegmentLog
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'followed-'))
  log = await SegmentLog.open({
    folder,
    disk: nodeDisk,
    generation: 1,
    retentionMs: 3_600_000,
    retentionBytes: 2 ** 40,
    seenPosition: 0,
    clean: true,
    sync: false,
    segmentBytes: 1_000,
  })
})
afterEach(async () => {
  await log.close()
  await rm(folder, { recursive: true })
})

/** The batch that begins at the n-th record of a cluster's log. */
function batchAt(n: number): LogBatch {
  const entries = [entryOf(n, 200), entryOf(n + 1, 50)]
  const firstSeq = FIRST_SEQ + n * 4_096
  const bytes = Buffer.alloc(batchBytes(entries))
  writeBatch(bytes, 0, entries, firstSeq)
  return new LogBatch(bytes, firstSeq)
}

async function addBelow(...records: number[]): Promise<void> {
  const below = await log.beginBelow()
  for (const n of records) await below.add(batchAt(n), Date.now())
  await log.addBelow(below)
}

/** A thread's log, fed from the one here. */
function follow(): { followed: LogReplica; feed: ThreadFeed } {
  const fault = (error: unknown) => {
    throw error
  }
  const followed = new LogReplica({ ...log.files, bounds: log.bounds() }, () => log.head(), fault)
  const feed: ThreadFeed = new ThreadFeed({
    log,
    takedowns: new Takedowns(),
    notReady: () => undefined,
    post: (update) => {
      followed.apply(structuredClone(update.log))
      feed?.taken(update.bytes)
    },
    maxBytes: 1e6,
  })
  return { followed, feed }
}

const seqs = async (reader: LogReader) =>
  (await readAll(reader, reader.bounds().first)).map(({ firstSeq }) => (firstSeq - FIRST_SEQ) / 4_096)

it('a thread hears of segments that come below, several of them too, while others come above', async () => {
  for (const n of [50, 51, 52, 53]) await log.appendBatch(batchAt(n), Date.now())
  const { followed, feed } = follow()
  await addBelow(47, 48, 49)
  feed.refresh()
  expect(await seqs(followed)).toEqual([47, 48, 49, 50, 51, 52, 53])
  await addBelow(45, 46)
  await addBelow(40, 41)
  for (const n of [54, 55, 56, 57]) await log.appendBatch(batchAt(n), Date.now())
  feed.refresh()
  expect(await seqs(followed)).toEqual([40, 41, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57])
  expect(followed.bounds()).toEqual(log.bounds())
})

it('a thread that knew of nothing yet hears of all', async () => {
  const { followed, feed } = follow()
  await addBelow(8, 9)
  await addBelow(6, 7)
  await log.appendBatch(batchAt(10), Date.now())
  feed.refresh()
  expect(await seqs(followed)).toEqual([6, 7, 8, 9, 10])
})
