import { setTimeout as delay } from 'node:timers/promises'
import { type CorpusOptions, prepareCorpus } from '@bgs/simnet/corpus.ts'
import type { LogEntry } from '@bgs/simnet/event-log.ts'
import { SimPds } from '@bgs/simnet/pds.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { answerParent } from './child.ts'
import { nowMs } from './clock.ts'

/** Where the hosts and the directory are, and what the hosts have to give. */
export interface SourceFacts {
  readonly plcUrl: string
  readonly hosts: readonly string[]
  readonly events: number
  /** Bytes of all messages, without WebSocket headers. */
  readonly bytes: number
}

const CONNECT_MS = 30_000
const LOOK_EVERY_MS = 20
/** Events that fall due are sent so often: the shortest a timer does. */
const STEP_MS = 1

let pdses: SimPds[] = []
let entries: LogEntry[][] = []
/** When each entry was sent, the hosts in turn. */
const sentMs: number[] = []

const answers = {
  /** Hosts that have nothing in their logs yet, and the directory that knows the accounts of the corpus. */
  start: async (options: CorpusOptions): Promise<SourceFacts> => {
    const corpus = prepareCorpus(options)
    const plc = await PlcDirectory.start()
    pdses = await Promise.all(Array.from({ length: options.hosts }, () => SimPds.start()))
    for (const record of corpus.didRecords(pdses.map(({ endpoint }) => endpoint))) plc.register(record)
    entries = pdses.map((_, i) => [...corpus.host(i).entries()])
    return {
      plcUrl: plc.url,
      hosts: pdses.map(({ endpoint }) => endpoint),
      events: corpus.commitCount,
      bytes: entries.flat().reduce((sum, { frame }) => sum + frame.length - headerBytes(frame), 0),
    }
  },
  /** Resolves when each host has a subscriber. */
  connected: async (_: null): Promise<void> => {
    const untilMs = nowMs() + CONNECT_MS
    while (pdses.some(({ subscriptions }) => subscriptions.size === 0)) {
      if (nowMs() > untilMs) throw new Error(`not every host was subscribed to within ${CONNECT_MS} ms`)
      await delay(LOOK_EVERY_MS)
    }
  },
  /** The next events are offered all at once. Resolves to the time at which they were. */
  offer: (events: number): number => {
    const atMs = nowMs()
    for (let i = 0; i < events; i++) sendNext()
    return atMs
  },
  /** The next events are sent at a steady rate, the hosts in turn. Resolves to when the first and the last were sent. */
  pace: async ({ events, rate }: { events: number; rate: number }): Promise<[number, number]> => {
    const begunMs = nowMs()
    for (let done = 0; done < events; await delay(STEP_MS)) {
      const due = Math.min(events, Math.floor(((nowMs() - begunMs) / 1_000) * rate))
      for (; done < due; done++) sendNext()
    }
    return [begunMs, nowMs()]
  },
  /** When each entry was sent, from the one of this number on. */
  sentMs: (from: number): number[] => sentMs.slice(from),
}

function sendNext(): void {
  const sent = sentMs.length
  const host = sent % pdses.length
  const entry = entries[host]?.[Math.floor(sent / pdses.length)]
  if (entry === undefined) throw new RangeError(`the corpus has ${sent} events for these hosts and no more`)
  sentMs.push(nowMs())
  pdses[host]?.release(entry)
}

function headerBytes(frame: Buffer): number {
  const marker = frame[1] as number
  return marker < 126 ? 2 : marker === 126 ? 4 : 10
}

export type SourceAnswers = typeof answers

answerParent(answers)
