import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { encodeRawRecord } from '@bgs/contract/envelope/raw-record.ts'
import { prepareCorpus } from '@bgs/simnet/corpus.ts'

/** What one way to compress a record of `raw` does. */
export interface CompressionRun {
  readonly way: string
  /** Compressed bytes for each byte. */
  readonly share: number
  readonly cpuMicrosPerEvent: number
}

const RECORD_BYTES = 512 * 1024

const WAYS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'gzip 1': (bytes) => gzipSync(bytes, { level: 1 }),
  'zstd 1': (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  'zstd 3': (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
}

/** Compresses records as crawlers write them, made of a corpus of commits. */
export function measureCompression(commits: number): CompressionRun[] {
  const corpus = prepareCorpus({ seed: 1, hosts: 1, accountsPerHost: 100, commits })
  const records: Buffer[] = []
  let some: Parameters<typeof encodeRawRecord>[0][number][] = []
  let bytes = 0
  for (const { seq, did, frame: message } of corpus.host(0).entries()) {
    // Without the WebSocket header, of four bytes at this size.
    const frame = message.subarray(4)
    some.push({
      type: '#commit',
      did,
      host: 'pds.example.com',
      epoch: 1,
      seq,
      receivedMs: seq,
      lenient: false,
      frame,
    })
    bytes += frame.length
    if (bytes < RECORD_BYTES) continue
    records.push(encodeRawRecord(some))
    some = []
    bytes = 0
  }
  const total = records.reduce((sum, { length }) => sum + length, 0)
  return Object.entries(WAYS).map(([way, compress]) => {
    for (const record of records.slice(0, 10)) compress(record)
    const before = process.cpuUsage()
    const compressed = records.reduce((sum, record) => sum + compress(record).length, 0)
    const { user, system } = process.cpuUsage(before)
    return {
      way,
      share: Math.round((compressed / total) * 1_000) / 1_000,
      cpuMicrosPerEvent: Math.round(((user + system) / commits) * 10) / 10,
    }
  })
}
