import { peekFrame } from '@bgs/crawler/peek.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { REASONS } from '@bgs/protocol/reasons/reason.ts'
import { verifyFrame } from '@bgs/verifier/verify/verify-frame.ts'
import { NOW_MS, realFrames } from '../frames.ts'
import { longTexts } from '../long-texts.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { PropertyError, type Target } from '../target.ts'

/** What PostgreSQL takes in a row of an index. */
const MOST_OF_KEY = 2_704
const MOST_OF_TEXT = 1_000
const KEYS = ['host', 'reason', 'did']
const TABLES = ['refusals', 'refused_frames', 'account_refusals']

/** What is written of refused frames into the database: every text has a bound, and none is too long for a key. */
export async function storedTarget(): Promise<Target> {
  const frames = realFrames()
  const database = await SqliteDatabase.open(':memory:')
  const recorder = new RejectionRecorder(database, () => NOW_MS)
  return {
    seeds: frames.all,
    mutate: (seed, random) =>
      random.chance(0.6) ? longTexts(seed, random) : mutateBytes(seed, random, frames.all),
    look: async (input) => {
      const look = peekFrame(input, true)
      const { did, seq } = 'did' in look ? look : { did: '', seq: -1 }
      const [key = ''] = frames.keys.get(did) ?? [...frames.keys.values()][0] ?? []
      const judged = verifyFrame(input, { key, handle: '', lenient: false, nowMs: NOW_MS })
      if (judged.reason === null) return 'passed'
      recorder.note({
        host: 'pds.example.com',
        did,
        seq,
        reason: judged.reason,
        detail: judged.detail,
        frame: input,
      })
      await recorder.save()
      for (const table of TABLES) {
        for (const row of await database.query<Record<string, unknown>>(`SELECT * FROM ${table}`))
          for (const [column, value] of Object.entries(row)) checkText(table, column, value)
        await database.transaction([{ sql: `DELETE FROM ${table}`, rows: [[]] }])
      }
      if (!(judged.reason in REASONS)) throw new PropertyError(`${judged.reason} is not on the closed list`)
      return judged.reason
    },
    [Symbol.asyncDispose]: () => database.close(),
  }
}

function checkText(table: string, column: string, value: unknown): void {
  // Frames and documents are kept as they came, up to a bound of their own.
  if (typeof value !== 'string' || column === 'frame' || column === 'document') return
  const most = KEYS.includes(column) ? MOST_OF_KEY : MOST_OF_TEXT
  if (Buffer.byteLength(value) > most)
    throw new PropertyError(`${table}.${column} has ${Buffer.byteLength(value)} bytes`)
}
