import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { MemoryFS, PGlite } from '@electric-sql/pglite'
import type { Imports, WasmModule } from './web-assembly.ts'
import { query } from './wire.ts'

/** Of what the engine holds in one piece, its log above all, after so many statements the superfluous is thrown away. */
const TIDY_EVERY = 20_000
const START = [
  ...PGlite.defaultStartParams,
  // Files that are in memory lose nothing by halves.
  '-c',
  'full_page_writes=off',
]

/** All that a fresh engine is made of, so that making one needs no file and no moment of time. */
export interface EngineTemplate {
  readonly module: WasmModule
  readonly bundle: ArrayBuffer
  /** An empty cluster of databases, as `initdb` leaves it; the same one for all engines. */
  readonly data: ArrayBuffer
}

/** In memory, and started within the turn in which it is asked for. */
class InstantFs extends MemoryFS {
  readonly #module: WasmModule

  constructor(module: WasmModule) {
    super()
    this.#module = module
  }

  override async init(...[pg, options]: Parameters<MemoryFS['init']>): ReturnType<MemoryFS['init']> {
    const { emscriptenOpts } = await super.init(pg, options)
    emscriptenOpts.instantiateWasm = (imports: Imports, done: (...made: unknown[]) => void) => {
      // The engine asks for timers that wake it while it waits, which it never does here.
      Object.assign(imports['env'] ?? {}, { _setitimer_js: () => 0 })
      const instance = new WebAssembly.Instance(this.#module, imports)
      done(instance, this.#module)
      return instance.exports
    }
    return { emscriptenOpts }
  }
}

/** Bytes that are there already: reading a Blob takes turns of the event loop. */
class InstantBlob extends Blob {
  readonly #bytes: ArrayBuffer

  constructor(bytes: ArrayBuffer) {
    super([])
    this.#bytes = bytes
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes
  }
}

let template: Promise<EngineTemplate> | undefined

/** Reads the software and makes the empty cluster, once; takes about 3 s. To be awaited while virtual time stands still. */
export function engineTemplate(): Promise<EngineTemplate> {
  template ??= makeTemplate()
  return template
}

async function makeTemplate(): Promise<EngineTemplate> {
  const folder = dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite'))
  const bundle = Uint8Array.from(readFileSync(join(folder, 'pglite.data'))).buffer
  const module = await WebAssembly.compile(Uint8Array.from(readFileSync(join(folder, 'pglite.wasm'))))
  const first = await PGlite.create({
    fs: new InstantFs(module),
    pgliteWasmModule: module,
    fsBundle: new InstantBlob(bundle),
  })
  const data = await (await first.dumpDataDir('none')).arrayBuffer()
  await first.close()
  return { module, bundle, data }
}

/**
 * PostgreSQL itself (PGlite: version 18 as WebAssembly) with one database and one session. What it is asked it does at once;
 * its clock is the `Date.now` of whoever asks.
 */
export class PostgresEngine {
  readonly #pglite: PGlite
  #asked = 0

  private constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  /** A fresh one. Resolves without a turn of the event loop, so it may be called in virtual time. */
  static async create({ module, bundle, data }: EngineTemplate): Promise<PostgresEngine> {
    return new PostgresEngine(
      await PGlite.create({
        fs: new InstantFs(module),
        pgliteWasmModule: module,
        initdbWasmModule: module,
        fsBundle: new InstantBlob(bundle),
        loadDataDir: new InstantBlob(data),
        startParams: START,
      }),
    )
  }

  /**
   * Messages of a client up to its Query or Sync, and what the server answers to them. `wallMs` is what its clock shows
   * instead of the asker's.
   */
  exec(messages: Uint8Array, wallMs?: number): Uint8Array {
    const { now } = Date
    if (wallMs !== undefined) Date.now = () => wallMs
    try {
      const answer = this.#pglite.execProtocolRawSync(messages)
      const isIdle = answer.at(-1) === 'I'.charCodeAt(0)
      if (isIdle && ++this.#asked % TIDY_EVERY === 0) {
        for (const sql of ['CHECKPOINT', 'VACUUM']) this.#pglite.execProtocolRawSync(query(sql))
      }
      return answer
    } finally {
      Date.now = now
    }
  }
}
