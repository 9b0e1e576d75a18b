import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** Where the protocol's vectors lie, beside the project; data only, never copied into it. */
const FOLDER = join(import.meta.dirname, '../../../../shared/vectors')

/** The folder of the vectors, or null where it is absent: tests then skip. */
export function vectorsFolder(): string | null {
  return existsSync(FOLDER) ? FOLDER : null
}

/** A file of the vectors as bytes, unpacked when it ends in .gz. */
export function readVector(name: string): Buffer {
  const bytes = readFileSync(join(FOLDER, name))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

/** A JSON file of the vectors; the caller knows its form. */
export function readVectorJson<T>(name: string): T {
  return JSON.parse(readVector(name).toString('utf8')) as T
}

/** The lines of a text file, without comments and blank lines. A line keeps its own spaces: some are the point. */
export function readVectorLines(name: string): string[] {
  return readVector(name)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** One line of frame-cases.jsonl.gz (vectors/README.md). */
export type FrameCase = {
  name: string
  rule: string
  expect: string
  didDoc: DidDocument | null
  refreshedDidDoc: DidDocument | null
  host: string
  prev: { rev: string; data: string } | null
  nowMs: number
  account: { local: string; upstream: string }
  frame: string
}

type DidDocument = {
  id: string
  verificationMethod?: { id: string; type: string; controller: string; publicKeyMultibase: string }[]
}

export function readFrameCases(): FrameCase[] {
  return readVectorLines('frame-cases.jsonl.gz').map((line) => JSON.parse(line) as FrameCase)
}
