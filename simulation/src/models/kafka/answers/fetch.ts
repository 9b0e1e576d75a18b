import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import { type Answer, type Asked, ledBy } from '../asked.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import type { Partition } from '../partition.ts'
import { writeArray } from '../wire-arrays.ts'

interface From {
  readonly index: number
  readonly epoch: number
  readonly offset: number
  readonly maxBytes: number
}

interface Asking {
  readonly topics: readonly { readonly topic: string; readonly from: readonly From[] }[]
  readonly maxBytes: number
}

interface Found {
  readonly index: number
  readonly error: ErrorCode
  /** -1 with an error. */
  readonly highWatermark: number
  readonly start: number
  readonly parts: readonly Buffer[]
}

interface Read {
  readonly topics: readonly { readonly topic: string; readonly found: readonly Found[] }[]
  readonly bytes: number
  readonly hasFailed: boolean
  /** Those that are read, where the broker leads them. */
  readonly partitions: readonly Partition[]
}

/** Fetch 11, without a session: waits until there are so many bytes, or something that cannot be read. */
export const fetch: Answer = async (request, asked) => {
  request.int32()
  const endMs = performance.now() + request.int32()
  const leastBytes = request.int32()
  const maxBytes = request.int32()
  request.int8()
  request.skip(8)
  const topics = request.array(() => ({
    topic: request.string() ?? '',
    from: request.array(() => {
      const [index, epoch, offset] = [request.int32(), request.int32(), request.int64()]
      request.int64()
      return { index, epoch, offset, maxBytes: request.int32() }
    }),
  }))
  let read = readAll(asked, { topics, maxBytes })
  for (let leftMs = 1; read.bytes < leastBytes && !read.hasFailed && leftMs > 0 && asked.isOpen(); ) {
    leftMs = endMs - performance.now()
    if (leftMs > 0) await anyChange(asked, read.partitions, leftMs)
    read = readAll(asked, { topics, maxBytes })
  }
  return encode(read, asked.broker.mood.throttleMs)
}

function readAll(asked: Asked, { topics, maxBytes }: Asking): Read {
  let bytes = 0
  let hasFailed = false
  const partitions: Partition[] = []
  const readOne = (topic: string, { index, epoch, offset, maxBytes: most }: From): Found => {
    const failed = (error: ErrorCode): Found => {
      hasFailed = true
      return { index, error, highWatermark: -1, start: -1, parts: [] }
    }
    const led = ledBy(asked, topic, index, epoch)
    if (typeof led === 'number') return failed(led)
    const { highWatermark } = led
    const { partition } = led.view
    const { log } = partition
    partitions.push(partition)
    // Up to where the leader itself has something: it may not know yet how much of that is committed.
    if (offset < log.start || offset > log.end) return failed(ERRORS.OFFSET_OUT_OF_RANGE)
    const parts = asked.broker.mood.isBlind
      ? []
      : log.read(offset, highWatermark, Math.min(most, maxBytes - bytes), bytes === 0)
    for (const part of parts) bytes += part.length
    return { index, error: ERRORS.NONE, highWatermark, start: log.start, parts }
  }
  const found = topics.map(({ topic, from }) => ({ topic, found: from.map((one) => readOne(topic, one)) }))
  return { topics: found, bytes, hasFailed, partitions }
}

/** Resolves when something is new of any of these, or the time is over. */
function anyChange({ broker }: Asked, partitions: readonly Partition[], ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      for (const stop of stops) stop()
      resolve()
    }
    const timer = setTimeout(done, ms)
    const stops = partitions.map((partition) => partition.onChange(done))
    // What it hears of the cluster may be that it leads them no longer.
    if (broker.frozen !== undefined) void broker.ready(true).then(done)
  })
}

function encode({ topics }: Read, throttleMs: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  let writer = new WireWriter().int32(throttleMs).int16(ERRORS.NONE).int32(0).int32(topics.length)
  for (const { topic, found } of topics)
    writeArray(writer.string(topic), found, (one) => {
      writer.int32(one.index).int16(one.error).int64(one.highWatermark)
      // Nothing is written in transactions: the last stable offset is the same, and nothing was aborted.
      writer.int64(one.highWatermark).int64(one.start).int32(-1).int32(-1)
      writer.int32(one.parts.reduce((sum, { length }) => sum + length, 0))
      if (one.parts.length === 0) return
      parts.push(writer.bytes, ...one.parts)
      writer = new WireWriter()
    })
  return [...parts, writer.bytes]
}
