import { get } from 'node:http'
import type { StreamModel } from '@bgs/simnet/model.ts'
import type { Random } from '@bgs/simnet/random.ts'
import { StreamChecker } from '@bgs/simnet/stream-checker.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import type { Scheduler } from '../world/scheduler.ts'
import { SimProcess } from '../world/sim-process.ts'
import { pickOne } from './draw.ts'

const RECONNECT_MS = 200

/** A subscriber that takes up the stream wherever it breaks off, at any of the nodes, and checks what it is served. */
export class Follower {
  readonly name: string
  readonly process: SimProcess
  readonly checker: StreamChecker
  readonly #urls: readonly string[]
  readonly #random: Random
  readonly #ended = new AbortController()
  #following: CheckingSubscriber | undefined

  constructor(
    name: string,
    scheduler: Scheduler,
    model: StreamModel,
    { urls, random }: { urls: readonly string[]; random: Random },
  ) {
    this.name = name
    this.process = new SimProcess(name, scheduler)
    this.checker = new StreamChecker(model)
    this.#urls = urls
    this.#random = random
  }

  /** Follows until `end` is called. */
  follow(): Promise<void> {
    const { signal } = this.#ended
    return this.process.run(async () => {
      while (!signal.aborted) {
        try {
          const url = pickOne(this.#urls, this.#random)
          this.#following = await CheckingSubscriber.connect({
            url,
            checker: this.checker,
            cursor: this.checker.lastSeq,
          })
          await this.#following.until(
            ({ closed }) => closed !== null || signal.aborted,
            Number.POSITIVE_INFINITY,
          )
        } catch {
          // It is tried again, as long as it takes.
        }
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
      }
      await this.#following?.close()
    })
  }

  end(): void {
    this.#ended.abort()
  }

  /** As one that comes for the first time: reads all of the log up to where this one is. */
  readAll(url: string, atMostMs: number): Promise<StreamChecker> {
    return this.process.run(async () => {
      const { model, lastSeq } = this.checker
      const reader = await CheckingSubscriber.connect({ url, model, cursor: 0 })
      await reader.until((reached) => reached.lastSeq >= lastSeq, atMostMs)
      await reader.close()
      return reader.checker
    })
  }

  /** Status of an operator's page; undefined: nothing answers. */
  ask(port: number, path: string): Promise<number | undefined> {
    return this.process.run(
      () =>
        new Promise<number | undefined>((resolve) => {
          get({ port, path, agent: false }, (response) => {
            response.resume()
            resolve(response.statusCode)
          }).on('error', () => resolve(undefined))
        }),
    )
  }
}
