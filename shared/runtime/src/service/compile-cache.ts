import { flushCompileCache } from 'node:module'

/** By then all has been loaded that a start loads. */
const FLUSH_AFTER_MS = 10_000

/**
 * Node takes the types off each file at each start, in each thread. What it made of them is kept where NODE_COMPILE_CACHE
 * says, if that may be written: another start takes 0.6 of the CPU, and each thread some 20 MB less, for the parser is not
 * loaded. Else only an orderly end writes it, and a thread that is terminated never. Call it in each thread.
 */
export function keepCompiled(): void {
  setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref()
}
