import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CorpusOptions } from '@bgs/simnet/corpus.ts'
import type { RelayUnderTest, StartRelay } from './relay-under-test.ts'
import { Source } from './source.ts'

/** Hosts in one process and a relay in another that has subscribed to all of them. */
export class Scene implements AsyncDisposable {
  readonly source: Source
  readonly relay: RelayUnderTest
  /** Events that the hosts have sent: what a subscriber with cursor 0 gets. */
  sent = 0
  readonly #owned: AsyncDisposableStack

  private constructor(source: Source, relay: RelayUnderTest, owned: AsyncDisposableStack) {
    this.source = source
    this.relay = relay
    this.#owned = owned
  }

  static async start(startRelay: StartRelay, corpus: CorpusOptions): Promise<Scene> {
    await using stack = new AsyncDisposableStack()
    const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const source = stack.use(await Source.start(corpus))
    const { plcUrl, hosts } = source.facts
    const relay = stack.use(await startRelay({ folder, plcUrl, hosts }))
    await source.connected()
    return new Scene(source, relay, stack.move())
  }

  /** The next events all at once; resolves to the time at which they were offered. */
  offer(events: number): Promise<number> {
    this.sent += events
    return this.source.offer(events)
  }

  /** The next events at a steady rate; resolves to the time of the first. */
  async pace(events: number, rate: number): Promise<number> {
    this.sent += events
    const [begunMs] = await this.source.pace(events, rate)
    return begunMs
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync()
  }
}
