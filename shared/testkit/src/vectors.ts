import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** The frame cases of this project. */
const FRAME_CASES = join(import.meta.dirname, 'vectors/frame-cases.jsonl.gz')
/** Where vectors of others lie, beside the project: data only, never copied into it. */
const BESIDE = join(import.meta.dirname, '../../../../shared/vectors')

declare module 'vitest' {
  interface TaskMeta {
    /** Vector files that are not there; the test has run with equivalents in their place. */
    missingVectors?: readonly string[]
  }
}

/** What a test runs with: vectors of others where they are there, else equivalents that were made for it. */
export interface Vectors<T> {
  readonly cases: T
  /** For the name of the suite. */
  readonly origin: 'beside the project' | 'made here'
  /** For the suite: tells the summary of the run which files were not there. */
  readonly meta: { readonly missingVectors?: readonly string[] }
}

/**
 * Reads the cases from these files of the folder beside the project. Where one is not there `make` makes all of them with
 * the reference packages, so that no test is missing from a clone that stands alone.
 */
export async function vectorsOr<T>(
  names: readonly string[],
  readAll: () => T,
  make: () => T | Promise<T>,
): Promise<Vectors<T>> {
  const missing = missingVectors(names)
  if (missing.length === 0) return { cases: readAll(), origin: 'beside the project', meta: {} }
  return { cases: await make(), origin: 'made here', meta: { missingVectors: missing } }
}

/** Of these files those that are not there. */
function missingVectors(names: readonly string[]): readonly string[] {
  return names.filter((name) => !existsSync(join(BESIDE, name)))
}

/** A text file of the vectors. Throws where it is not there. */
export function readVector(name: string): string {
  return readFileSync(join(BESIDE, name), 'utf8')
}

/** A JSON file of the vectors; the caller knows its form. */
export function readVectorJson<T>(name: string): T {
  return JSON.parse(readVector(name)) as T
}

/** The lines of a text file, without comments and blank lines. A line keeps its own spaces: some are the point. */
export function readVectorLines(name: string): string[] {
  return linesOf(readVector(name)).filter((line) => !line.startsWith('#'))
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

/** The frame cases of this project. They are in the tree, so a test without them fails. */
export function readFrameCases(): FrameCase[] {
  const text = gunzipSync(readFileSync(FRAME_CASES)).toString('utf8')
  return linesOf(text).map((line) => JSON.parse(line) as FrameCase)
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
