import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import type { Log } from '@bgs/contract/log/log.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { type Disk, nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog, type SegmentLogOptions } from '@bgs/embedded/log/segment-log.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { sequencerMetrics } from '../metrics.ts'
import { replayLog } from '../replay-log.ts'
import { Sequencer, type StatusQuestion } from '../sequencer.ts'
import { State } from '../state/state.ts'
import { type View, viewPosition } from '../view.ts'

/** A folder of its own for one test, gone when it ends. */
export async function tempFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'sequencer-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

function openLog(folder: string, options: Partial<SegmentLogOptions> = {}): Promise<SegmentLog> {
  return SegmentLog.open({
    folder,
    disk: nodeDisk,
    generation: 1,
    retentionMs: 1e12,
    retentionBytes: 1e12,
    seenPosition: 0,
    clean: true,
    ...options,
  })
}

/** A sequencer on a real log and database, fed through in-memory topics. */
export class Scene implements AsyncDisposable {
  readonly database: SqliteDatabase
  readonly log: SegmentLog
  readonly state: State
  readonly view: View
  readonly replayed: number
  readonly rejections: RejectionRecorder
  readonly metrics = sequencerMetrics(new Registry())
  readonly asked: StatusQuestion[] = []
  /** Raw offsets of the envelopes that were called done. */
  readonly done: number[] = []
  readonly #verified = new MemoryTopic<VerifiedEnvelope>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  readonly #control = new MemoryTopic<ControlMessage>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  readonly #offer = this.#verified.producer<VerifiedEnvelope>(({ rawOffset }) => this.done.push(rawOffset))
  readonly #controlProducer = this.#control.producer<undefined>(() => undefined)
  readonly #stop = new AbortController()
  readonly #sequencer: Sequencer
  readonly #running: Promise<void>

  private constructor(
    database: SqliteDatabase,
    log: SegmentLog,
    state: State,
    up: { view: View; replayed: number },
    options: { eventsPerHour?: number },
  ) {
    this.database = database
    this.log = log
    this.state = state
    this.view = up.view
    this.replayed = up.replayed
    this.rejections = new RejectionRecorder(database)
    this.#sequencer = new Sequencer({
      verified: this.#verified.consumer(),
      partitions: 1,
      control: this.#control.consumer(),
      log,
      state,
      view: up.view,
      metrics: this.metrics,
      logger: createLogger('silent'),
      ask: (question) => this.asked.push(question),
      rejections: this.rejections,
      accountRate: { eventsPerHour: options.eventsPerHour ?? 1e9, throttleMs: 60_000 },
      now: Date.now,
    })
    this.#running = this.#sequencer.run(this.#stop.signal)
    this.#running.catch(() => undefined)
  }

  static async open(
    folder: string,
    options: {
      disk?: Disk
      limit?: number
      cacheBytes?: number
      eventsPerHour?: number
      log?: Partial<SegmentLogOptions>
    } = {},
  ): Promise<Scene> {
    const database = await SqliteDatabase.open(join(folder, 'state.db'))
    const position = await viewPosition(database)
    const log = await openLog(folder, {
      disk: options.disk ?? nodeDisk,
      seenPosition: position,
      ...options.log,
    })
    const state = new State(database, options.limit ?? 100, options.cacheBytes)
    return new Scene(database, log, state, await replayLog(log, database, state, position), options)
  }

  offer(envelopes: readonly VerifiedEnvelope[]): void {
    for (const envelope of envelopes) this.#offer.publish(0, envelope, envelope.frame.length, envelope)
  }

  sendControl(message: ControlMessage): void {
    this.#controlProducer.publish(0, message, 100, undefined)
  }

  /** Since when nothing has come through, in milliseconds. */
  get ages(): Sequencer['heartbeatAges'] {
    return this.#sequencer.heartbeatAges
  }

  /** Resolves when everything offered is appended; rejects if the sequencer failed. */
  async settled(): Promise<void> {
    const idle = () => this.#verified.pendingRecords + this.#control.pendingRecords === 0
    await Promise.race([until('the sequencer to finish', idle), this.#running])
  }

  /** Ends the sequencer as a stop does: all appended, the view written. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running.catch(() => undefined)
    await this.log.close()
    await this.database.close()
  }
}

/** Everything that the database says, but for when hosts were first written. */
export async function dump(database: SqliteDatabase): Promise<{ accounts: unknown[]; hosts: unknown[] }> {
  return {
    accounts: await database.query('SELECT * FROM accounts ORDER BY first_seq'),
    hosts: await database.query(
      'SELECT hostname, epoch, banned, account_count, account_limit FROM hosts ORDER BY hostname',
    ),
  }
}

/** Number of events on the log's frames, by their kinds. */
export async function kinds(log: Log): Promise<string[]> {
  const all: string[] = []
  for (let at = log.bounds().first; ; ) {
    const batches = await log.read(at, 1 << 20)
    if (batches.length === 0) return all
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i++) all.push(batch.kind(i))
      at = batch.lastSeq + 1
    }
  }
}
