import { beforeEach, describe, expect, it } from 'vitest'
import { SqliteDatabase } from '../sqlite.ts'
import { RejectionRecorder, SAMPLES } from './rejection-recorder.ts'

let database: SqliteDatabase
let nowMs = 0
beforeEach(async () => {
  database = await SqliteDatabase.open(':memory:')
  nowMs = 1_000_000
  return () => database.close()
})

const rejected = (n: number, change = {}) =>
  ({
    host: 'pds.example.com',
    did: `did:web:a${n}.com`,
    seq: n,
    reason: 'car-root',
    detail: '',
    ...change,
  }) as const

describe('the recorder of rejections', () => {
  it('counts by host and reason, keeps the last few examples, and the last reason of each account', async () => {
    const recorder = new RejectionRecorder(database, () => nowMs)
    for (let n = 1; n <= 40; n++) {
      nowMs += 2_000
      recorder.note(rejected(n, { frame: Uint8Array.of(n), detail: 'x'.repeat(500) }))
      if (n % 10 === 0) recorder.note(rejected(1, { reason: 'signature-invalid', seq: n }))
      await recorder.save()
    }
    expect(await database.query('SELECT reason, frames, last_ms FROM refusals ORDER BY reason')).toEqual([
      expect.objectContaining({ reason: 'car-root', frames: 40, last_ms: nowMs }),
      expect.objectContaining({ reason: 'signature-invalid', frames: 4, last_ms: nowMs }),
    ])
    const kept = await database.query<{ seq: number; frame: string; detail: string }>(
      "SELECT seq, frame, detail FROM refused_frames WHERE reason = 'car-root' ORDER BY at_ms",
    )
    expect(kept.length).toBeLessThanOrEqual(SAMPLES)
    expect(kept.length).toBeGreaterThan(SAMPLES / 2)
    expect(kept.at(-1)).toMatchObject({ seq: 40, frame: 'KA==', detail: 'x'.repeat(200) })
    expect(
      await database.query("SELECT reason, frames FROM account_refusals WHERE did = 'did:web:a1.com'"),
    ).toEqual([expect.objectContaining({ reason: 'signature-invalid', frames: 5 })])
  })

  it('what stands in place of a DID is kept short and has no account; hosts choose it, up to a whole frame', async () => {
    const recorder = new RejectionRecorder(database, () => nowMs)
    for (let n = 0; n < 50; n++)
      recorder.note(rejected(n, { reason: 'did-syntax', did: `did:plc:${n}${'x'.repeat(1_000_000)}` }))
    await recorder.save()
    const [row] = await database.query<{ did: string }>('SELECT did FROM refused_frames')
    expect(row?.did).toHaveLength(300)
    expect(await database.query('SELECT did FROM account_refusals')).toEqual([])
    expect(await database.query('SELECT frames FROM refusals')).toEqual([{ frames: 50 }])
  })

  it('what is passed over without a fault is counted, and nobody is told of it as a refusal', async () => {
    const recorder = new RejectionRecorder(database, () => nowMs)
    recorder.note(rejected(1, { reason: 'rev-stale' }))
    recorder.note(rejected(1, { reason: 'already-taken' }))
    await recorder.save()
    expect(await database.query('SELECT reason FROM refusals')).toHaveLength(2)
    expect(await database.query('SELECT * FROM refused_frames')).toEqual([])
    expect(await database.query('SELECT * FROM account_refusals')).toEqual([])
  })

  it('invariant 12: between two writes it remembers so many hosts and accounts, and no frame that is large', async () => {
    const recorder = new RejectionRecorder(database, () => nowMs)
    for (let n = 0; n < 20_000; n++)
      recorder.note(rejected(n, { host: `h${n}.com`, frame: new Uint8Array(70_000) }))
    await recorder.save()
    expect(await database.query('SELECT host FROM refusals')).toHaveLength(5_000)
    expect(await database.query('SELECT did FROM account_refusals')).toHaveLength(5_000)
    expect(await database.query('SELECT frame FROM refused_frames WHERE frame IS NOT NULL')).toEqual([])
  })

  it('invariant 12: between two writes it keeps so many bytes of frames, and further examples without theirs', async () => {
    const recorder = new RejectionRecorder(database, () => nowMs)
    for (let n = 0; n < 200; n++)
      recorder.note(rejected(n, { host: `h${n}.com`, frame: new Uint8Array(60_000), document: () => '{}' }))
    await recorder.save()
    const frames = () => database.query('SELECT frame FROM refused_frames WHERE frame IS NOT NULL')
    expect(await database.query('SELECT host FROM refused_frames')).toHaveLength(200)
    expect(await frames()).toHaveLength(Math.floor((4 * 1024 * 1024) / 60_002))
    recorder.note(rejected(1, { host: 'later.com', frame: new Uint8Array(60_000) }))
    await recorder.save()
    expect(await frames()).toHaveLength(Math.floor((4 * 1024 * 1024) / 60_002) + 1)
  })

  it('keeps a copy: the buffer of a frame is used again', async () => {
    const recorder = new RejectionRecorder(database, () => nowMs)
    const frame = Uint8Array.of(1, 2, 3)
    recorder.note(rejected(1, { frame }))
    frame.fill(9)
    await recorder.save()
    expect(await database.query('SELECT frame FROM refused_frames')).toEqual([
      expect.objectContaining({ frame: 'AQID' }),
    ])
  })
})
