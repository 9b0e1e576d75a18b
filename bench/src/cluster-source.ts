import { setTimeout as delay } from 'node:timers/promises'
import type { Corpus } from '@bgs/simnet/corpus.ts'
import type { LogEntry } from '@bgs/simnet/event-log.ts'
import { type ExpectedEvent, StreamModel } from '@bgs/simnet/model.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'

/** Between two looks at what is due. */
const STEP_MS = 5

interface Unsent {
  readonly pds: SimPds
  readonly entry: LogEntry
  readonly event: ExpectedEvent
}

/** Hosts in this process that send a corpus in turn, and the directory that knows its accounts. */
export class ClusterSource implements AsyncDisposable {
  /** What is to be expected of a relay that reads these hosts. */
  readonly model = new StreamModel()
  /** Settings of a relay that reads them; 16 partitions. */
  readonly env: Readonly<Record<string, string>>
  readonly #plc: PlcDirectory
  readonly #pdses: readonly SimPds[]
  readonly #events: readonly Unsent[]
  #sent = 0

  private constructor(plc: PlcDirectory, pdses: readonly SimPds[], corpus: Corpus) {
    this.#plc = plc
    this.#pdses = pdses
    this.env = {
      RELAY_PLC_URL: plc.url,
      RELAY_HOSTS: pdses.map(({ endpoint }) => endpoint).join(','),
      RELAY_ALLOW_PRIVATE_HOSTS: 'true',
      RELAY_RAW_PARTITIONS: '16',
      RELAY_LOG_LEVEL: 'warn',
    }
    const ofHosts = pdses.map((pds, i) => {
      const part = corpus.host(i)
      const events = [...part.expectedEvents()]
      for (const event of events) this.model.add(event)
      return [...part.entries()].map((entry, n) => ({ pds, entry, event: events[n] as ExpectedEvent }))
    })
    this.#events = inTurn(ofHosts)
  }

  static async start(corpus: Corpus): Promise<ClusterSource> {
    const plc = await PlcDirectory.start()
    const pdses = await Promise.all(Array.from({ length: corpus.hostCount }, () => SimPds.start()))
    for (const record of corpus.didRecords(pdses.map(({ endpoint }) => endpoint))) plc.register(record)
    return new ClusterSource(plc, pdses, corpus)
  }

  /** Events that were sent so far. */
  get sent(): number {
    return this.#sent
  }

  /** Sends the next events at once. Throws where the corpus has fewer. */
  give(events: number): void {
    for (let left = events; left > 0; left--) {
      const next = this.#events[this.#sent++]
      if (next === undefined) throw new RangeError(`the corpus has ${this.#events.length} events`)
      next.event.sentAt = performance.now()
      next.pds.release(next.entry)
    }
  }

  /** Sends the next events, `rate` a second over all hosts. */
  async pace(events: number, rate: number): Promise<void> {
    const begunMs = performance.now()
    for (let given = 0; given < events; await delay(STEP_MS)) {
      const due = Math.min(events, Math.floor(((performance.now() - begunMs) / 1_000) * rate))
      this.give(due - given)
      given = due
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pdses.map((pds) => pds.close()))
    await this.#plc.close()
  }
}

/** The first of each, then the second of each, until none has any left. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, n) => lists.flatMap((list) => list.slice(n, n + 1))).flat()
}
