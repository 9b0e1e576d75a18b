import type { CorpusOptions } from '@bgs/simnet/corpus.ts'
import { Child } from './child.ts'
import type { SourceAnswers, SourceFacts } from './source-process.ts'

/** Hosts with prepared frames and their PLC directory, in a process of their own. */
export class Source implements AsyncDisposable {
  readonly facts: SourceFacts
  readonly #process: Child<SourceAnswers>

  private constructor(process: Child<SourceAnswers>, facts: SourceFacts) {
    this.#process = process
    this.facts = facts
  }

  static async start(options: CorpusOptions): Promise<Source> {
    const process = new Child<SourceAnswers>(new URL('./source-process.ts', import.meta.url))
    return new Source(process, await process.ask('start', options))
  }

  /** Bytes of a frame on average. */
  get meanFrameBytes(): number {
    return Math.round(this.facts.bytes / this.facts.events)
  }

  /** Resolves when each host has a subscriber. */
  async connected(): Promise<void> {
    await this.#process.ask('connected', null)
  }

  /** The next events all at once; resolves to the time at which they were offered. */
  async offer(events: number): Promise<number> {
    return await this.#process.ask('offer', events)
  }

  /** The next events at a steady rate; resolves to the times of the first and the last. */
  async pace(events: number, rate: number): Promise<[number, number]> {
    return await this.#process.ask('pace', { events, rate })
  }

  /** When each event was sent, by a clock of the machine, from the one of this number on; the hosts send in turn. */
  async sentMs(from: number): Promise<number[]> {
    return await this.#process.ask('sentMs', from)
  }

  cpuSeconds(): number {
    return this.#process.cpuSeconds()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
