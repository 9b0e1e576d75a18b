import { DataLock } from '@bgs/database/lock.ts'

// A process that takes the lock of the folder given, says so, and holds it until it is killed.
const lock = DataLock.take(process.argv[2] ?? '')
process.stdout.write(`${lock.generation}\n`)
process.stdin.resume()
