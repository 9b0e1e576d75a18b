/**
 * Puts virtual time and seeded chance in the place of Node's clocks, timers, look-ups and random numbers, for all code of
 * this thread: the product's, that of its libraries, that of the hosts. To be called before any of it is loaded, for code may
 * keep a function that it found. What has no stand-in (files, worker threads) must not be reached: models are handed in.
 */
import crypto from 'node:crypto'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'
import { SimProcess } from './sim-process.ts'

/** 32 random bits. */
export type Bits = () => number

export function install(machine: SimProcess, bits: Bits): void {
  const current = () => SimProcess.current ?? machine
  installTimers(current)
  installClocks(current)
  installChance(bits)
  const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
  Object.assign(dns.promises, { lookup })
  syncBuiltinESMExports()
}

class SimTimer {
  readonly #owner: SimProcess
  readonly #code: () => void
  readonly #ms: number
  readonly #repeats: boolean
  #pending: { cancel(): void } | undefined

  constructor(owner: SimProcess, code: () => void, ms: number, repeats: boolean) {
    this.#owner = owner
    this.#code = code
    // As Node's timers: whole milliseconds, one at least.
    this.#ms = ms >= 1 && ms <= 2 ** 31 - 1 ? Math.trunc(ms) : 1
    this.#repeats = repeats
    this.#begin()
  }

  #begin(): void {
    this.#pending = this.#owner.at(this.#owner.scheduler.nowMs + this.#ms, () => {
      this.#pending = undefined
      if (this.#repeats) this.#begin()
      this.#code()
    })
  }

  refresh(): this {
    this.#pending?.cancel()
    this.#begin()
    return this
  }

  close(): this {
    this.#pending?.cancel()
    this.#pending = undefined
    return this
  }

  hasRef(): boolean {
    return true
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

type Code = (...args: unknown[]) => void

function installTimers(current: () => SimProcess): void {
  const clear = (timer: unknown) => {
    if (timer instanceof SimTimer) timer.close()
  }
  const clearImmediate = (immediate: unknown) => {
    ;(immediate as { cancel?(): void } | undefined)?.cancel?.()
  }
  const setTimeout = (code: Code, ms = 1, ...args: unknown[]) =>
    new SimTimer(current(), () => code(...args), ms, false)
  const setInterval = (code: Code, ms = 1, ...args: unknown[]) =>
    new SimTimer(current(), () => code(...args), ms, true)
  const setImmediate = (code: Code, ...args: unknown[]) => {
    const owner = current()
    const { cancel } = owner.at(owner.scheduler.nowMs, () => code(...args))
    return { cancel, ref: () => undefined, unref: () => undefined, hasRef: () => true }
  }
  const all = {
    setTimeout,
    setInterval,
    setImmediate,
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate,
  }
  Object.assign(globalThis, all)
  Object.assign(timers, all)
  Object.assign(timersPromises, {
    setTimeout: (ms = 1, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise((resolve, reject) => {
        const abort = () => {
          timer.close()
          reject(signal?.reason)
        }
        const timer = setTimeout(() => {
          signal?.removeEventListener('abort', abort)
          resolve(value)
        }, ms)
        if (signal?.aborted) abort()
        else signal?.addEventListener('abort', abort, { once: true })
      }),
    setImmediate: (value?: unknown) => new Promise((resolve) => setImmediate(() => resolve(value))),
  })
  AbortSignal.timeout = (ms: number) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), ms)
    return controller.signal
  }
  // Node keeps one that somebody listens to until it is aborted, and all that hangs on it: of a killed process it never is.
  AbortSignal.any = (signals: Iterable<AbortSignal>) => {
    const controller = new AbortController()
    for (const signal of signals) {
      if (signal.aborted) controller.abort(signal.reason)
      else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true })
    }
    return controller.signal
  }
}

function installClocks(current: () => SimProcess): void {
  const RealDate = Date
  class SimDate extends RealDate {
    constructor(...given: []) {
      if (given.length === 0) super(Math.trunc(current().wallMs))
      else super(...given)
    }
    static override now(): number {
      return Math.trunc(current().wallMs)
    }
  }
  Object.assign(globalThis, { Date: SimDate })
  Object.defineProperty(performance, 'now', { value: () => current().monotonicMs })
}

function installChance(bits: Bits): void {
  const fill = <T extends ArrayBufferView>(view: T): T => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    for (let i = 0; i < bytes.length; i++) bytes[i] = bits()
    return view
  }
  const randomBytes = (length: number) => fill(Buffer.alloc(length))
  Math.random = () => (bits() >>> 0) / 2 ** 32
  Object.assign(crypto, {
    randomBytes,
    randomFillSync: (view: ArrayBufferView, offset = 0, length = view.byteLength - offset) => {
      fill(new Uint8Array(view.buffer, view.byteOffset + offset, length))
      return view
    },
    randomInt: (least: number, most: number) => least + Math.floor(Math.random() * (most - least)),
    randomUUID: () => {
      const hex = randomBytes(16).toString('hex')
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
    },
  })
  Object.defineProperty(globalThis.crypto, 'getRandomValues', { value: fill })
}
