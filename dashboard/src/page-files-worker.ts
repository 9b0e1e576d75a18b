/** What a thread of `readPageFiles` runs: it says what the files are, and ends. */

import { parentPort } from 'node:worker_threads'
import { pageFiles } from './page-files.ts'

parentPort?.postMessage(pageFiles())
