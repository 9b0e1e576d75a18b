import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { PageFile } from './page-files.ts'

/**
 * Reads the files of the dashboard in a thread that ends with it: what takes the types off (17 MB) goes with the thread.
 * Rejects where a file cannot be read.
 */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const worker = new Worker(new URL('./page-files-worker.ts', import.meta.url), { name: 'dashboard' })
  const [files] = (await once(worker, 'message')) as [ReadonlyMap<string, PageFile>]
  // A message between threads makes a Uint8Array of a Buffer.
  return new Map([...files].map(([name, file]) => [name, { ...file, body: Buffer.from(file.body) }]))
}
