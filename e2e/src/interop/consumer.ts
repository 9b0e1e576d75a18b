import { until } from '@bgs/testkit/until.ts'
import { byText, changeLine, type Ledger } from './ledger.ts'
import type { RealProcess } from './process.ts'
import type { RunFolder } from './run-folder.ts'

/** What a consumer says of an event that its library gave it. */
type Said =
  | Change
  | (About & { type: 'identity'; handle?: string })
  | (About & { type: 'account'; active: boolean; status?: string })
  | (About & { type: 'sync'; rev: string })
type Change = About & { type: 'create' | 'update' | 'delete'; rev: string; uri: string; cid?: string }
type About = { seq: number; did: string }
type Line = Said | { type: 'info' | 'error' | 'connected' | 'disconnected'; message?: string }

export type ConsumerProgram = 'consume-atproto-sync.mjs' | 'consume-atcute.mjs' | 'consume-skyware.mjs'

/** A consumer of others in a process of its own, and what it has seen. */
export class RealConsumer implements AsyncDisposable {
  readonly name: string
  readonly seen: Said[] = []
  /** What the library refused or could not read. A lost connection is none: it connects again. */
  readonly complaints: string[] = []
  readonly #lines = new Set<string>()
  #process: RealProcess | undefined

  private constructor(name: string) {
    this.name = name
  }

  /** Reads the relay, or any other server of such a stream, from cursor 0. */
  static async start(
    folder: RunFolder,
    program: ConsumerProgram,
    url: string,
    plcUrl: string,
    name: string = program,
  ): Promise<RealConsumer> {
    const consumer = new RealConsumer(name)
    const env = { RELAY_URL: url.replace(/^http/, 'ws'), PLC_URL: plcUrl, CURSOR: '0' }
    consumer.#process = await folder.start(program, env, (line) => consumer.#take(line as Line), name)
    return consumer
  }

  /** Waits until it has seen all that the ledger holds; what is too much is found by `checker`. */
  async sawAll(ledger: Ledger, ms: number): Promise<void> {
    const missing = () => ledger.changes.filter((change) => !this.#lines.has(changeLine(change)))
    const unsaid = () => {
      const told = this.states()
      return [...ledger.states].filter(([did, states]) => told.get(did)?.join() !== states.join())
    }
    await until(
      `${this.name} has seen everything`,
      () => missing().length === 0 && unsaid().length === 0,
      ms,
      () =>
        [
          `Missing ${missing().length} of ${ledger.changes.length} changes, the first: ${missing().slice(0, 3).map(changeLine).join('; ')}.`,
          `States: ${JSON.stringify(unsaid())} but told ${JSON.stringify([...this.states()])}.`,
          `Complaints: ${this.complaints.slice(0, 5).join('; ')}. ${this.#process?.lastLines}`,
        ].join('\n'),
    )
  }

  /** Every change of a record seen, one line each, sorted: one seen twice is there twice. */
  changes(): string[] {
    return this.seen.flatMap((said) => (isChange(said) ? [story(said)] : [])).sort(byText)
  }

  /** The states of each account in the order told, repetitions left out. */
  states(): Map<string, string[]> {
    const states = new Map<string, string[]>()
    for (const said of this.seen) {
      if (said.type !== 'account') continue
      const state = said.active ? 'active' : (said.status ?? 'inactive')
      const told = states.get(said.did) ?? []
      if (told.at(-1) !== state) states.set(said.did, [...told, state])
    }
    return states
  }

  /** All it was told of each account, in order. */
  stories(): Map<string, string[]> {
    const stories = new Map<string, string[]>()
    for (const said of this.seen) {
      stories.set(said.did, [...(stories.get(said.did) ?? []), story(said)])
    }
    return stories
  }

  /** Seqs that did not rise from one event to the next; the records of one commit share theirs. */
  outOfOrder(): string[] {
    return this.seen.flatMap((said, i) => {
      const before = this.seen[i - 1]
      if (before === undefined || before.seq < said.seq) return []
      if (before.seq === said.seq && 'rev' in before && 'rev' in said && before.rev === said.rev) return []
      return [`${said.type} ${said.seq} of ${said.did} after ${before.type} ${before.seq}`]
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
  }

  #take(line: Line): void {
    if ('seq' in line) {
      this.seen.push(line)
      if (isChange(line)) this.#lines.add(story(line))
    } else if (line.type === 'error' || line.type === 'info')
      this.complaints.push(`${line.type}: ${line.message}`)
  }
}

function isChange(said: Said): said is Change {
  return said.type === 'create' || said.type === 'update' || said.type === 'delete'
}

/** One line of what it was told; all but the seq, which is the relay's own. */
function story(said: Said): string {
  if (said.type === 'identity') return 'identity'
  if (said.type === 'account') return `account ${said.active ? 'active' : said.status}`
  if (said.type === 'sync') return `sync ${said.rev}`
  return changeLine({ ...said, action: said.type, cid: said.cid })
}
