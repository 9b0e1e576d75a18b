import { Child } from './child.ts'
import type { ReadersAnswers, ReadersCount } from './readers-process.ts'

/** Connections of one reading process. */
const PER_PROCESS = 1_000

/** Subscribers in processes of their own, which count and do nothing else. */
export class Readers implements AsyncDisposable {
  readonly count: number
  readonly #processes: Child<ReadersAnswers>[]
  #begunMs = Number.NaN

  private constructor(count: number) {
    this.count = count
    const processes = Math.ceil(count / PER_PROCESS)
    this.#processes = Array.from(
      { length: processes },
      () => new Child<ReadersAnswers>(new URL('./readers-process.ts', import.meta.url)),
    )
  }

  /** The processes, which have not connected anywhere yet. */
  static async start(count: number): Promise<Readers> {
    const readers = new Readers(count)
    await readers.mark()
    return readers
  }

  /** Opens a subscription for each; null: live. */
  async connect(url: string, cursor: number | null): Promise<void> {
    const share = (i: number) => Math.min(PER_PROCESS, this.count - i * PER_PROCESS)
    const begun = this.#processes.map((one, i) => one.ask('connect', { url, cursor, count: share(i) }))
    this.#begunMs = Math.min(...(await Promise.all(begun)))
  }

  /** When the first of them began to connect. */
  get begunMs(): number {
    return this.#begunMs
  }

  async mark(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.ask('mark', null)))
  }

  /** Resolves to the time at which every one of them had so many messages since the mark. */
  async reach(messages: number, deadlineMs: number): Promise<number> {
    const all = Promise.all(this.#processes.map((one) => one.ask('reach', messages)))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(async () => {
        const { least, most } = await this.settle(0)
        reject(
          new Error(`after ${deadlineMs} ms subscribers have ${least} to ${most} of ${messages} messages`),
        )
      }, deadlineMs)
    })
    try {
      return Math.max(...(await Promise.race([all, late])))
    } finally {
      clearTimeout(timer)
    }
  }

  /** What they have read, once for so long nothing has come. */
  async settle(quietMs: number): Promise<ReadersCount> {
    const counts = await Promise.all(this.#processes.map((one) => one.ask('settle', quietMs)))
    return {
      least: Math.min(...counts.map((one) => one.least)),
      most: Math.max(...counts.map((one) => one.most)),
      leastBytes: Math.min(...counts.map((one) => one.leastBytes)),
      mostBytes: Math.max(...counts.map((one) => one.mostBytes)),
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.ask('close', null)))
  }

  cpuSeconds(): number {
    return this.#processes.reduce((sum, one) => sum + one.cpuSeconds(), 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((one) => one[Symbol.asyncDispose]()))
  }
}

/** Whether each got exactly so many messages, and all of them the same number of bytes. */
export function isExact({ least, most, leastBytes, mostBytes }: ReadersCount, messages: number): boolean {
  return least === messages && most === messages && leastBytes === mostBytes
}
