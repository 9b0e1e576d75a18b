import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wait } from '@bgs/runtime/service/wait.ts'
import { signalTree } from './process-tree.ts'
import { watchOver } from './watchdog.ts'

const LOOK_EVERY_MS = 25
const READY_MS = 60_000
const STOP_MS = 20_000
const TAIL_BYTES = 4_000

export class ServerFailedError extends Error {
  override name = 'ServerFailedError'
}

export interface ServerSettings {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  /** Its working folder, where its log `server.log` is. */
  readonly folder: string
  /** Removed if this process dies while the server runs. */
  readonly removed: string
  /** Asks it a question as a client would; rejects while it does not answer. */
  readonly ready: () => Promise<unknown>
  /** What makes it end properly. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT'
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** A start that fails with these words is tried again. */
  readonly passing?: RegExp | undefined
}

/** A server that a test starts, kills, pauses and starts again, on the same port and the same data. */
export class ServerProcess implements AsyncDisposable {
  readonly #settings: ServerSettings
  #running: { child: ChildProcess; pid: number; ended: Promise<unknown>; unwatch: () => void } | undefined

  constructor(settings: ServerSettings) {
    this.#settings = settings
  }

  get pid(): number | undefined {
    return this.#running?.pid
  }

  /** Starts it and resolves once it answers. */
  async start(): Promise<void> {
    const { name, ready, passing } = this.#settings
    const deadline = performance.now() + READY_MS
    let reason: unknown
    while (performance.now() < deadline) {
      if (this.#running === undefined) this.#spawn()
      try {
        await ready()
        return
      } catch (error) {
        reason = error
      }
      if (this.#running === undefined && passing?.test(this.#tail()) !== true)
        throw new ServerFailedError(`${name} ended at start. Its log ends: ${this.#tail()}`, {
          cause: reason,
        })
      await wait(LOOK_EVERY_MS)
    }
    await this.kill()
    throw new ServerFailedError(`${name} did not answer in ${READY_MS} ms. Its log ends: ${this.#tail()}`, {
      cause: reason,
    })
  }

  /** SIGKILL to it and all its children, as when a machine dies. */
  async kill(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    running.child.ref()
    signalTree(running.pid, 'SIGKILL')
    await running.ended
  }

  /** SIGSTOP: its connections stay open, and nothing answers. */
  pause(): void {
    if (this.#running !== undefined) signalTree(this.#running.pid, 'SIGSTOP')
  }

  resume(): void {
    if (this.#running !== undefined) signalTree(this.#running.pid, 'SIGCONT')
  }

  /** Lets it end properly, and kills it where that takes too long. */
  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.resume()
    running.child.ref()
    running.child.kill(this.#settings.stopSignal)
    const enough = new AbortController()
    await Promise.race([running.ended, wait(STOP_MS, enough.signal)])
    enough.abort()
    await this.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #spawn(): void {
    const { name, file, args, folder, removed, uid, gid } = this.#settings
    const log = openSync(join(folder, 'server.log'), 'a')
    const child = spawn(file, args, {
      cwd: folder,
      stdio: ['ignore', log, log],
      // In a group of its own: a Ctrl-C in the terminal is for the test, which then ends it.
      detached: true,
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    })
    closeSync(log)
    if (child.pid === undefined) {
      child.on('error', () => {})
      throw new ServerFailedError(`${name} could not be started: ${file}`)
    }
    child.unref()
    const unwatch = watchOver(child.pid, removed)
    const running = { child, pid: child.pid, ended: once(child, 'exit'), unwatch }
    this.#running = running
    running.ended = running.ended.finally(() => {
      unwatch()
      if (this.#running === running) this.#running = undefined
    })
  }

  #tail(): string {
    return readFileSync(join(this.#settings.folder, 'server.log'), 'utf8').slice(-TAIL_BYTES)
  }
}
